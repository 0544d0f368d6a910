"""Keep visits until they are written: not in their requests, but many at once by a thread.

Nothing here was promised to anyone. A process that is killed loses the visits of the last half
second; one that is told to stop writes them first.
"""

import atexit
import logging
import threading

from django.db import connection

from accounts.database import UNAVAILABLE
from messages.tracked import recording
from messages.tracked.visits import Visit

logger = logging.getLogger(__name__)

# Seconds that visits are gathered, and that we wait for a PostgreSQL that does not answer.
GATHER, TRY_AGAIN = 0.5, 2
# Visits written in one transaction, and kept while PostgreSQL is away: some 50 MB.
BATCH, MAX_WAITING = 1000, 100_000


class Recorder:
    """Takes visits from all threads of a process, and writes them from one of its own."""

    def __init__(self) -> None:
        self._waiting: list[Visit] = []
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_some = threading.Event()
        self._is_stopping = threading.Event()

    def put(self, visit: Visit) -> None:
        """Note a visit, without waiting for anything."""
        if len(self._waiting) >= MAX_WAITING:
            return  # PostgreSQL has been away for long, and the log says so
        self._waiting.append(visit)
        self._has_some.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        # At the first visit: by then the web server has forked for the last time.
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="visits", daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            self._has_some.wait()
            self._has_some.clear()
            self._is_stopping.wait(GATHER)
            self._write_all()
        connection.close()

    def _write_all(self) -> None:
        """Write what waits. Where PostgreSQL is away it goes on waiting, but not for ever."""
        while batch := self._waiting[:BATCH]:
            try:
                recording.record(batch)
            except UNAVAILABLE as error:
                logger.error("PostgreSQL does not answer: %s", error)
                connection.close()
                if self._is_stopping.wait(TRY_AGAIN):
                    logger.error("%d opens and clicks are lost", len(self._waiting))
                    return
                continue
            except Exception:
                logger.exception("%d opens and clicks could not be written", len(batch))
            del self._waiting[: len(batch)]

    def stop(self) -> None:
        """Write what is left, and end."""
        self._is_stopping.set()
        self._has_some.set()
        if self._thread:
            self._thread.join()
