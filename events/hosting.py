"""Keep an engine of a worker process, on an event loop in a thread of its own.

Celery's threads come and go with tasks; what an engine holds open outlives them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import uvloop

# Seconds that the work of an engine may take to end after the worker was told to stop.
STOP_SECONDS = 20


class Stoppable(Protocol):
    """What a host can keep."""

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, and let finish what runs, for a while."""


Kept = TypeVar("Kept", bound=Stoppable)


class Host(Generic[Kept]):
    """Makes the engine when it is first asked for, and stops it with the worker."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._running: tuple[Kept, asyncio.AbstractEventLoop] | None = None

    def wait_for(self, work: Callable[[Kept], Awaitable[None]]) -> None:
        """Let the engine do something, and return when that is done. Not for its own thread."""
        engine, loop = self._engine()
        asyncio.run_coroutine_threadsafe(_run(work, engine), loop).result()

    def _engine(self) -> tuple[Kept, asyncio.AbstractEventLoop]:
        with self._lock:
            if self._running is None:
                loop = uvloop.new_event_loop()
                threading.Thread(target=loop.run_forever, name="engine", daemon=True).start()
                engine = asyncio.run_coroutine_threadsafe(_call(self._make), loop).result()
                self._running = engine, loop
            return self._running

    def stop_soon(self, **_: object) -> None:
        """Stop what runs, if anything does; takes whatever a signal of Celery's gives.

        Celery waits for the running task, and the task for the engine: so the engine ends first.
        """
        threading.Thread(target=self._stop, name="stop").start()

    def _stop(self) -> None:
        if self._running:
            engine, loop = self._running
            asyncio.run_coroutine_threadsafe(engine.stop(STOP_SECONDS), loop).result()


async def _run(work: Callable[[Kept], Awaitable[None]], engine: Kept) -> None:
    await work(engine)


async def _call(make: Callable[[], Kept]) -> Kept:
    """Make an engine where it will live: it starts tasks of its own."""
    return make()
