"""Group commit: what arrives while one transaction runs goes together into the next.

At low load a batch is one item, and nobody waits for company; under load the cost of a commit is
shared by all who came in the meantime, and by those of some milliseconds more.
"""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection

from accounts.database import UNAVAILABLE

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Pending = tuple[Item, "asyncio.Future[None]"]

# What one transaction holds at the most: a round trip is shared well by then.
MAX_BATCH = 250
# A batch of more than so many items shows that there is load.
BUSY = 2


class GroupCommit(Generic[Item]):
    """Hands items of an event loop to one writing thread, and tells each when it is committed.

    `write` gets a list of items and commits them in one transaction, or raises. Under load it is
    called `gather` seconds later than it could be: a transaction costs more than that delay.
    """

    def __init__(self, write: Callable[[list[Item]], None], name: str, gather: float) -> None:
        self._write = write
        self._gather = gather
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[Pending[Item] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> "asyncio.Future[None]":
        """Return a future that is done when the item is committed, or fails as that failed."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._inbox.put((item, future))
        return future

    def close(self) -> None:
        """Write what was put, then stop. Blocks until that is done."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._commit(batch)
                if len(batch) > BUSY:
                    time.sleep(self._gather)
        finally:
            connection.close()

    def _next_batch(self) -> list[Pending[Item]]:
        """Wait for one item and return it with all that came meanwhile; empty at the end."""
        batch: list[Pending[Item]] = []
        pending = self._inbox.get()
        while pending is not None:
            batch.append(pending)
            if len(batch) == MAX_BATCH:
                return batch
            try:
                pending = self._inbox.get_nowait()
            except queue.Empty:
                return batch
        if batch:
            self._inbox.put(None)  # the end stands behind this last batch
        return batch

    def _commit(self, batch: list[Pending[Item]]) -> None:
        try:
            self._write([item for item, _ in batch])
        except UNAVAILABLE as error:
            logger.error("PostgreSQL does not answer: %s", error)
            connection.close()  # the next batch connects anew
            self._resolve(batch, error)
        except Exception as error:
            if len(batch) > 1:
                # One of them cannot be written: alone, it fails alone.
                for pending in batch:
                    self._commit([pending])
            else:
                logger.exception("An item could not be written")
                self._resolve(batch, error)
        else:
            self._resolve(batch, None)

    def _resolve(self, batch: list[Pending[Item]], error: Exception | None) -> None:
        self._loop.call_soon_threadsafe(_tell, [future for _, future in batch], error)


def _tell(futures: "list[asyncio.Future[None]]", error: Exception | None) -> None:
    for future in futures:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
