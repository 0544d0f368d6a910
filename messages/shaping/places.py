"""Places in the rate of messages to a site, taken some at a time, so that few ask Redis."""

import asyncio
from collections.abc import Callable

from accounts.message_class import MessageClass
from messages.shaping.gate import Gate
from messages.shaping.standing import Standing

# Places that are taken at once.
SOME = 20


class Places:
    """Those of one worker at one site."""

    def __init__(self, standing: Standing, gate: Gate, answered: Callable[[float], None]) -> None:
        self._standing = standing
        self._gate = gate
        self._answered = answered  # told how many seconds there is none; 0: go on
        self._left = 0
        self._task: asyncio.Task[float] | None = None

    @property
    def is_asking(self) -> bool:
        return self._task is not None

    def use(self, message_class: MessageClass, waiting: int) -> bool:
        """Use a place for a message of a class; False: there is none yet."""
        if not self._standing.is_rated:
            self._left = 0
            return True
        if self._left:
            self._left -= 1
            return True
        if not self._task:
            self._task = asyncio.create_task(self._take(message_class, min(waiting, SOME)))
            self._task.add_done_callback(self._taken)
        return False

    async def _take(self, message_class: MessageClass, number: int) -> float:
        rates = self._standing.rates(message_class)
        taken, wait = await self._gate.take(rates, number) if rates else (number, 0.0)
        self._left += taken
        return wait

    def _taken(self, task: asyncio.Task[float]) -> None:
        self._task = None
        if not task.cancelled():
            self._answered(task.result())

    def close(self) -> None:
        """Ask no more."""
        if self._task:
            self._task.cancel()
