"""Who is at work: each process says every few seconds that it lives, and Redis forgets the dead."""

import json
import logging
import os
import socket
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# Seconds between two signs of life, and after which a silent process counts as gone.
EVERY, GONE_AFTER = 10, 35

PREFIX = "presence:"


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of ours, on whichever machine."""

    role: str  # "submission", "bounces", "beat", or "worker QUEUE"
    host: str
    pid: int
    since: str  # ISO 8601, UTC


def announce(*roles: str) -> None:
    """Keep saying, from a thread of its own, that this process lives and what it does."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    processes = [Process(role, socket.gethostname(), os.getpid(), since) for role in roles]
    threading.Thread(target=_keep_saying, args=(processes,), name="presence", daemon=True).start()


def _keep_saying(processes: list[Process]) -> None:
    client = _redis()
    pause = threading.Event()
    while True:
        try:
            for process in processes:
                key = f"{PREFIX}{process.role}:{process.host}:{process.pid}"
                client.set(key, json.dumps(asdict(process)), ex=GONE_AFTER)
        except redis.RedisError as error:
            logger.warning("Redis does not answer, nobody sees that we live: %s", error)
        pause.wait(EVERY)


def present() -> list[Process]:
    """Return who is at work, ordered by role, host and pid. Raises redis.RedisError."""
    client = _redis()
    keys = list(client.scan_iter(match=f"{PREFIX}*", count=500))
    values = cast("list[str | None]", client.mget(keys)) if keys else []
    found = [Process(**json.loads(value)) for value in values if value]
    return sorted(found, key=lambda process: (process.role, process.host, process.pid))


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
