"""Who is at work: each process says every few seconds that it lives, and what it has counted.

Redis forgets the dead by itself. Nothing depends on it but what operators see.
"""

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
from prometheus_client import REGISTRY

logger = logging.getLogger(__name__)

# Seconds between two signs of life, and after which a silent process counts as gone.
EVERY, GONE_AFTER = 5, 20

PREFIX = "presence:"


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of ours, on whichever machine."""

    role: str  # "web", "submission", "bounces", "beat", or "worker QUEUE"
    host: str
    pid: int
    since: str  # ISO 8601, UTC


# A family of metrics: name, documentation, type, and samples of name, labels and value.
Family = tuple[str, str, str, list[tuple[str, dict[str, str], float]]]


def announce(*roles: str) -> None:
    """Keep saying, from a thread of its own, that this process lives and what it does."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    processes = [Process(role, socket.gethostname(), os.getpid(), since) for role in roles]
    threading.Thread(target=_keep_saying, args=(processes,), name="presence", daemon=True).start()


def _keep_saying(processes: list[Process]) -> None:
    client = connect()
    pause = threading.Event()
    while True:
        counted = _counted()
        try:
            for process in processes:
                key = f"{PREFIX}{process.role}:{process.host}:{process.pid}"
                client.set(key, json.dumps([asdict(process), counted]), ex=GONE_AFTER)
                counted = []  # once a process, however many roles it has
        except redis.RedisError as error:
            logger.warning("Redis does not answer, nobody sees that we live: %s", error)
        pause.wait(EVERY)


def _counted() -> list[Family]:
    """Return what this process has counted; what is counted of Python itself helps nobody."""
    return [
        (
            family.name,
            family.documentation,
            family.type,
            [(one.name, dict(one.labels), one.value) for one in family.samples],
        )
        for family in REGISTRY.collect()
        if not family.name.startswith("python_")
    ]


def snapshots() -> list[tuple[Process, list[Family]]]:
    """Return who is at work and what each has counted, by role, host and pid.

    Raises redis.RedisError.
    """
    client = connect()
    keys = list(client.scan_iter(match=f"{PREFIX}*", count=500))
    values = cast("list[str | None]", client.mget(keys)) if keys else []
    found = [json.loads(value) for value in values if value]
    return sorted(
        ((Process(**process), counted) for process, counted in found),
        key=lambda one: (one[0].role, one[0].host, one[0].pid),
    )


def present() -> list[Process]:
    """Return who is at work, ordered by role, host and pid. Raises redis.RedisError."""
    return [process for process, _ in snapshots()]


def connect() -> redis.Redis:
    """Return a connection that says soon where Redis does not answer."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
