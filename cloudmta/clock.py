"""Celery's clock, of which as many may run as there are machines: only one of them acts."""

import logging
from typing import Any

from celery.beat import Scheduler
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

# Any number that nothing else in the database locks.
BATON = 7_323_119_421
# Seconds between looks of those that wait for the one that acts to go.
WAIT = 1.0


class OneActs(Scheduler):
    """Rings while it holds the baton, a lock of PostgreSQL that goes with its connection.

    Whoever dies or loses the database has lost the baton too, so another takes it up within
    seconds. The schedule itself is kept nowhere: what it rings for is due by the database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._acts: bool | None = None  # nobody has looked yet

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ring for what is due; return the seconds until the next look."""
        acts = self._holds_baton()
        if acts != self._acts:
            logger.info("This clock acts" if acts else "Another clock acts; this one waits")
            self._acts = acts
        return super().tick(*args, **kwargs) if acts else WAIT

    def _holds_baton(self) -> bool:
        try:
            with connection.cursor() as cursor:
                # Who holds it gets it again: a lock is counted by session.
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [BATON])
                return bool(cursor.fetchone()[0])
        except DatabaseError as error:
            logger.error("PostgreSQL does not answer: %s", error)
            connection.close()
            return False
