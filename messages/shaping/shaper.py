"""What all sites of one worker share: the terms, the slots, the news, the first seconds."""

import asyncio
from collections.abc import Coroutine

from messages.shaping.book import Book
from messages.shaping.bulletin import Bulletin
from messages.shaping.gate import Gate, Link
from messages.shaping.ramp import Ramp


class Shaper:
    """Lives as long as its worker, on its event loop."""

    def __init__(self, namespace: str = "shaping") -> None:
        self._link = Link()
        self.book = Book()
        self.gate = Gate(self._link, namespace)
        self.bulletin = Bulletin(self._link, namespace)
        self.ramp = Ramp()
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Tell Redis something that nobody waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait until everything has been told, and let go of Redis."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self.gate.released()
        await self._link.close()
