"""Listen for what changes in accounts, so that no process goes by what was true before."""

import logging
import threading
from collections.abc import Callable

import psycopg
from django.db import connection

from accounts.changes import CHANNEL

logger = logging.getLogger(__name__)

# Seconds between looks at whether to end, and until a lost connection is tried again.
LOOK_EVERY, AGAIN_AFTER = 0.5, 1.0


class Listening:
    """A connection of its own to PostgreSQL, in a thread of its own, that waits for notices.

    `changed` is called there with the id of an account; with None where some may have been missed.
    """

    def __init__(self, changed: Callable[[int | None], object]) -> None:
        self._changed = changed
        self._ended = threading.Event()
        self._parameters = connection.get_connection_params()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more, and let go of the connection. Blocks for a moment."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                logger.warning("Changes of accounts are seen late, PostgreSQL is away: %s", error)
                self._ended.wait(AGAIN_AFTER)

    def _listen(self) -> None:
        with psycopg.connect(**self._parameters | {"autocommit": True}) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            self._changed(None)
            while not self._ended.is_set():
                for notice in listener.notifies(timeout=LOOK_EVERY):
                    self._changed(int(notice.payload))
