"""Post what waits to all endpoints at once, to each of them one batch after the other."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import connection

from accounts.database import UNAVAILABLE
from events import batches, metrics, verdicts
from events.batches import Claim, Taken
from events.bulk import reconnecting
from events.poster import Answer, Poster

logger = logging.getLogger(__name__)

# Endpoints that one worker posts to at once; one that hangs holds its place for 15 seconds.
MOST_ENDPOINTS = 500
# Threads that talk to PostgreSQL; while an endpoint answers, none is needed.
THREADS = 4
# Seconds that the threads wait for each other at the end.
CLOSING = 5.0

Value = TypeVar("Value")


class Engine:
    """What a worker process posts with, for as long as it lives. Lives on one event loop."""

    def __init__(self) -> None:
        self._poster = Poster()
        self._threads = ThreadPoolExecutor(THREADS, "webhooks")
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    async def sweep(self) -> None:
        """Begin to post to every webhook that has something to post and that nobody is at."""
        room = MOST_ENDPOINTS - len(self._running)
        if self._stopping.is_set() or room <= 0:
            return
        for claim in await self._in_thread(batches.claim, room):
            task = asyncio.create_task(self._serve(claim))
            self._running[claim.lease] = task
            task.add_done_callback(partial(self._forget, claim))

    async def drain(self) -> None:
        """Return when nothing is being posted any more."""
        while self._running:
            await asyncio.wait(self._running.values())

    def _forget(self, claim: Claim, _: "asyncio.Task[None]") -> None:
        del self._running[claim.lease]

    async def _serve(self, claim: Claim) -> None:
        """Post to one webhook until it has nothing more, or is to be left alone."""
        try:
            await self._post_all(claim)
            await self._in_thread(batches.release, claim)
        except UNAVAILABLE as error:
            # The lease runs out, and whatever was taken is due again.
            logger.error("PostgreSQL does not answer: %s", error)
        except Exception:
            logger.exception("Webhook %s could not be served", claim.webhook_id)

    async def _post_all(self, claim: Claim) -> None:
        while not self._stopping.is_set():
            taken = await self._in_thread(batches.take, claim)
            if taken is None:
                return
            if isinstance(taken, timedelta):
                await self._gather(taken)
                continue
            answer = await self._poster.post(taken.url, taken.headers, taken.body)
            _count(taken, answer)
            await self._in_thread(verdicts.settle, claim, taken, answer)

    async def _gather(self, wait: timedelta) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait.total_seconds())

    async def stop(self, seconds: float) -> None:
        """Begin no more posts, and let those that run come to their end, within bounds."""
        self._stopping.set()
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)
        await self._poster.close()
        everybody = threading.Barrier(THREADS)
        for _ in range(THREADS):
            self._threads.submit(_close_connection, everybody)
        self._threads.shutdown(wait=False)

    async def _in_thread(self, call: Callable[..., Value], *arguments: object) -> Value:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(reconnecting, call, *arguments))


def _count(taken: Taken, answer: Answer) -> None:
    metrics.POSTS.labels("taken" if answer.is_success else "failed").inc()
    metrics.POST_SECONDS.observe(answer.seconds)
    if answer.is_success:
        metrics.POSTED.inc(taken.event_count)


def _close_connection(everybody: threading.Barrier) -> None:
    """Close the connection of each thread, which all must be here for; or who hangs keeps it."""
    with contextlib.suppress(threading.BrokenBarrierError):
        everybody.wait(CLOSING)
    connection.close()
