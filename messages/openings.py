"""Connections that are being opened for one site: a slot first, then an exchanger that answers."""

import asyncio
from collections.abc import Callable

from accounts.message_class import MessageClass
from messages.opener import Opener
from messages.seats import NoSlot, Refused, Seat
from messages.shaping.scope import Slot, Wait
from messages.shaping.shaper import Shaper
from messages.shaping.standing import Standing
from messages.transfer import ConnectFailed

Ended = Callable[[MessageClass, BaseException | None], None]


class Openings:
    """Opens connections, and tells how that ended."""

    def __init__(
        self, standing: Standing, shaper: Shaper, opener: Opener, seat: Callable[[Slot], Seat]
    ) -> None:
        self._standing = standing
        self._shaper = shaper
        self._opener = opener
        self._seat = seat
        self._tasks: dict[asyncio.Task[None], MessageClass] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def count(self, message_class: MessageClass) -> int:
        """Return how many are being opened because this class waits."""
        return list(self._tasks.values()).count(message_class)

    def start(
        self, message_class: MessageClass, works: Callable[[str], bool], ended: Ended, is_only: bool
    ) -> None:
        """Open one more; `ended` is called with what went wrong: NoSlot, Refused, or None."""
        is_first = is_only and not self._tasks
        task = asyncio.create_task(self._open(message_class, works, is_first))
        self._tasks[task] = message_class

        def done(task: asyncio.Task[None]) -> None:
            ended(self._tasks.pop(task), None if task.cancelled() else task.exception())

        task.add_done_callback(done)

    def cancel(self) -> None:
        """Let go of all that are not open yet."""
        for task in self._tasks:
            task.cancel()

    async def _open(
        self, message_class: MessageClass, works: Callable[[str], bool], is_first: bool
    ) -> None:
        await self._standing.learn()
        if message_class is not MessageClass.PRIORITY:
            await self._shaper.ramp.turn()
        if self._standing.suspension:
            return
        gate = self._shaper.gate
        slot = await gate.acquire(self._standing.scopes(message_class), message_class)
        if isinstance(slot, Wait):
            raise NoSlot(slot.seconds)
        try:
            await self._opener.open(self._seat(slot), is_first=is_first, works=works)
        except ConnectFailed as failure:
            raise Refused(failure, await gate.refused(slot)) from failure
        except BaseException:
            gate.release(slot)
            raise
