"""What one worker holds: recipients that it has claimed and not settled, and how many more fit."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

from accounts.message_class import MessageClass
from messages.queue import Claimed

# Recipients that one worker holds at a time; bounds its memory and what a crash leaves open.
MOST = 1000
# Of one account at the most so many times what is still free: whatever it waits for, room for
# others is left, and more accounts that wait get smaller shares, not the last of it.
SHARE = 2


class InFlight:
    """Keeps them by claim, and counts them by account. Lives on one event loop."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[int, int], Claimed] = {}
        self._by_account: dict[MessageClass, Counter[int]] = {
            one: Counter() for one in MessageClass
        }
        self._settled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._claimed)

    def __iter__(self) -> Iterator[Claimed]:
        return iter(list(self._claimed.values()))

    def add(self, claimed: Claimed) -> None:
        """Hold a recipient."""
        self._claimed[claimed.key] = claimed
        self._by_account[claimed.message_class][claimed.account_id] += 1

    def remove(self, claimed: Claimed) -> None:
        """Let go of a recipient that was settled."""
        if self._claimed.pop(claimed.key, None) is None:
            return
        by_account = self._by_account[claimed.message_class]
        by_account[claimed.account_id] -= 1
        if not by_account[claimed.account_id]:
            del by_account[claimed.account_id]
        self._settled.set()

    def has_room(self, number: int) -> bool:
        """Say whether so many more may come."""
        return len(self._claimed) + number <= MOST

    def crowding(self, message_class: MessageClass) -> list[int]:
        """Return the accounts, by id, that hold so much of a class, and of those before it, that
        what is free is for others: nobody's password reset waits for his digests.
        """
        most = SHARE * (MOST - len(self._claimed))
        held: Counter[int] = Counter()
        for one, by_account in self._by_account.items():
            if one <= message_class:
                held.update(by_account)
        return [account_id for account_id, number in held.items() if number > most]

    async def change(self, seconds: float | None = None) -> None:
        """Wait until somebody was settled, so long at the most."""
        self._settled.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._settled.set()
