"""One worker's share of the limits, for as long as Redis does not say what the others do."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from accounts.message_class import MessageClass
from messages.shaping.scope import Rate, Scope, Wait

# Milliseconds after which somebody who found no slot asks again.
SLOT_WAIT = 0.25


def of(limit: int, workers: int) -> int:
    """Return one worker's share of a limit to connections: one at the least, or nothing went."""
    return max(1, limit // workers)


class LocalShare:
    """Divides each limit by the number of workers.

    Together they do not exceed it, unless they are more than it has connections.
    """

    def __init__(self) -> None:
        self._free: dict[str, float] = {}  # by rate: when its next place is free

    def room(
        self,
        scopes: Sequence[Scope],
        message_class: MessageClass,
        held: Mapping[str, Counter[MessageClass]],
        workers: int,
    ) -> Wait | None:
        """Say how long to wait for a connection; None: it may be opened, and is counted."""
        for scope in scopes:
            if scope.connections is None:
                continue
            most = _allowed(of(scope.connections, workers), message_class)
            if held[scope.key].total() >= most:
                return Wait(SLOT_WAIT)
        rates = [scope.rate for scope in scopes if scope.rate]
        _, wait = self.take(rates, 1, workers)
        return Wait(wait) if wait else None

    def take(self, rates: Sequence[Rate], number: int, workers: int) -> tuple[int, float]:
        """Take up to so many places, and return how many, or how long to wait for one."""
        now, wait = time.monotonic(), 0.0
        for rate in rates:
            interval = rate.interval * workers
            free = max(now, self._free.get(rate.key, 0))
            room = int((now + interval * rate.burst - free) / interval)
            if room < 1:
                wait = max(wait, free - now - interval * (rate.burst - 1))
            number = min(number, room)
        if number < 1:
            return 0, max(wait, 0.001)
        for rate in rates:
            free = max(now, self._free.get(rate.key, 0))
            self._free[rate.key] = free + number * rate.interval * workers
        return number, 0.0


def _allowed(share: int, message_class: MessageClass) -> int:
    """Return how many of a share a class may take: the last one is for priority."""
    return share if message_class is MessageClass.PRIORITY else max(1, share - 1)
