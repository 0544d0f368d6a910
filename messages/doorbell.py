"""Ring for the workers: one Celery task a message class, however many messages have come.

Redis carries doorbells, never mail: one that is lost costs the seconds until the sweep.
"""

import logging
import threading

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from accounts.message_class import MessageClass

logger = logging.getLogger(__name__)

# Seconds that a doorbell counts as waiting; longer than a worker takes to answer.
WAITING_FOR = 5
# Seconds between rings of one process: a message more does not need a ring of its own, unless it
# is urgent. Under a trickle, this decides how many share a claim.
PAUSE = 0.1

TASK = "messages.tasks.deliver"


def ring(message_class: MessageClass) -> None:
    """Wake a worker of a class, unless a doorbell is waiting for it already."""
    try:
        if _redis().set(_key(message_class), 1, nx=True, ex=WAITING_FOR):
            current_app.send_task(
                TASK, [message_class.value], queue=message_class.label, expires=WAITING_FOR
            )
    except (redis.RedisError, OperationalError, OSError) as error:
        logger.warning("The doorbell is out of order, the sweep will find the mail: %s", error)


def answered(message_class: MessageClass) -> None:
    """The worker is there: whoever comes from now on must ring again."""
    try:
        _redis().delete(_key(message_class))
    except redis.RedisError as error:
        logger.warning("The doorbell is out of order: %s", error)


def _key(message_class: MessageClass) -> str:
    return f"doorbell:{message_class.label}"


_connection: list[redis.Redis] = []


def _redis() -> redis.Redis:
    if not _connection:
        _connection.append(
            redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
        )
    return _connection[0]


class Ringer:
    """Rings from a thread of its own, so that no door waits for Redis."""

    def __init__(self) -> None:
        self._wanted: set[MessageClass] = set()
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def ring_soon(self, classes: set[MessageClass]) -> None:
        """Ring for classes in which messages were just committed."""
        with self._news:
            self._wanted |= classes
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wanted)
                wanted, self._wanted = self._wanted, set()
            for message_class in sorted(wanted):
                ring(message_class)
            with self._news:
                self._news.wait_for(lambda: MessageClass.PRIORITY in self._wanted, PAUSE)
