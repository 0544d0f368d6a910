"""What Celery calls: the doorbell of a message class, and the engine that answers it."""

import asyncio
import threading

import uvloop
from celery import shared_task, signals

from accounts.message_class import MessageClass
from messages import doorbell, holding
from messages.delivery import Engine

# Seconds that attempts may take to end after the worker was told to stop.
STOP_SECONDS = 20


@shared_task(name=doorbell.TASK)
def deliver(message_class: int) -> None:
    """Send what is due in a class, and before it what is due in those that go before it."""
    doorbell.answered(MessageClass(message_class))
    classes = [one for one in MessageClass if one <= message_class]
    engine, loop = _host.engine()
    asyncio.run_coroutine_threadsafe(engine.deliver(classes), loop).result()


@shared_task
def look_after_held() -> None:
    """Let go what has volume again, and count what is held."""
    holding.look_after_held()


class Host:
    """Keeps the engine of this process, on an event loop in a thread of its own.

    Celery's threads come and go with tasks; connections to exchangers outlive them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: tuple[Engine, asyncio.AbstractEventLoop] | None = None

    def engine(self) -> tuple[Engine, asyncio.AbstractEventLoop]:
        """Return the engine and its loop; the first call starts both."""
        with self._lock:
            if self._running is None:
                loop = uvloop.new_event_loop()
                threading.Thread(target=loop.run_forever, name="engine", daemon=True).start()
                engine = asyncio.run_coroutine_threadsafe(_make_engine(), loop).result()
                self._running = engine, loop
            return self._running

    def stop(self) -> None:
        """Let what runs come to its end, within bounds."""
        if self._running:
            engine, loop = self._running
            asyncio.run_coroutine_threadsafe(engine.stop(STOP_SECONDS), loop).result()


async def _make_engine() -> Engine:
    return Engine()


_host = Host()


@signals.worker_shutting_down.connect
def stop_engine(**_: object) -> None:
    """Celery waits for the running task, and the task for the engine: so the engine ends first."""
    threading.Thread(target=_host.stop, name="stop").start()
