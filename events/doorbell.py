"""Ring for workers: one Celery task for however much there is to do.

Redis carries doorbells, never what they are rung for: one that is lost costs the seconds until
the sweep.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# Seconds that a doorbell counts as waiting; longer than a worker takes to answer.
WAITING_FOR = 5
# Seconds between rings of one process: a message more does not need a ring of its own, unless it
# is urgent. Under a trickle, this decides how many share a claim.
PAUSE = 0.1


@dataclass(frozen=True, slots=True, order=True)
class Doorbell:
    """Wakes a worker of a queue. Doorbells are rung in their order."""

    rank: int
    queue: str
    task: str
    arguments: tuple[int, ...] = ()
    is_urgent: bool = False

    def ring(self) -> None:
        """Wake a worker, unless one has been rung for already."""
        try:
            if _redis().set(self._key, 1, nx=True, ex=WAITING_FOR):
                current_app.send_task(
                    self.task, list(self.arguments), queue=self.queue, expires=WAITING_FOR
                )
        except (redis.RedisError, OperationalError, OSError) as error:
            logger.warning("The doorbell is out of order, the sweep will see: %s", error)

    def answered(self) -> None:
        """The worker is there: whoever comes from now on must ring again."""
        try:
            _redis().delete(self._key)
        except redis.RedisError as error:
            logger.warning("The doorbell is out of order: %s", error)

    @property
    def _key(self) -> str:
        return f"doorbell:{self.queue}"


_connection: list[redis.Redis] = []


def _redis() -> redis.Redis:
    if not _connection:
        _connection.append(
            redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        )
    return _connection[0]


def ring_soon(doorbells: Iterable[Doorbell]) -> None:
    """Ring for what was just committed, without waiting for Redis."""
    if wanted := set(doorbells):
        _ringer().ring_soon(wanted)


@cache
def _ringer() -> "Ringer":
    # Made by the process that rings, not by the one that it was forked from.
    return Ringer()


class Ringer:
    """Rings from a thread of its own."""

    def __init__(self) -> None:
        self._wanted: set[Doorbell] = set()
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def ring_soon(self, doorbells: set[Doorbell]) -> None:
        with self._news:
            self._wanted |= doorbells
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wanted)
                wanted, self._wanted = self._wanted, set()
            for doorbell in sorted(wanted):
                doorbell.ring()
            with self._news:
                self._news.wait_for(lambda: any(one.is_urgent for one in self._wanted), PAUSE)
