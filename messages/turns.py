"""Share out what only so many may do at a time, so that no account keeps the others waiting."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class Turns:
    """So many at a time, and of one account no more than there is room left for others.

    One account alone gets half of them, two a third each, and so on: whoever comes first finds
    some free. Lives on one event loop, and nobody who waits is cancelled before that ends.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._held: Counter[int] = Counter()
        self._waiting: dict[
            int, deque[asyncio.Future[None]]
        ] = {}  # whose turn is next stands first

    @contextlib.asynccontextmanager
    async def of(self, account_id: int) -> AsyncIterator[None]:
        """Have a turn, as soon as there is one for the account."""
        if account_id in self._waiting or not self._may_begin(account_id):
            place = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(account_id, deque()).append(place)
            await place
        else:
            self._begin(account_id)
        try:
            yield
        finally:
            self._end(account_id)

    def _may_begin(self, account_id: int) -> bool:
        return self._held[account_id] < self._free

    def _begin(self, account_id: int) -> None:
        self._free -= 1
        self._held[account_id] += 1

    def _end(self, account_id: int) -> None:
        self._free += 1
        self._held[account_id] -= 1
        if not self._held[account_id]:
            del self._held[account_id]
        for waiting in list(self._waiting):
            if self._may_begin(waiting):
                self._call_first(waiting)

    def _call_first(self, account_id: int) -> None:
        line = self._waiting.pop(account_id)
        place = line.popleft()
        if line:
            self._waiting[account_id] = line  # behind the other accounts
        if not place.cancelled():
            self._begin(account_id)
            place.set_result(None)
