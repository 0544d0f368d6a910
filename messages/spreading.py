"""Spread digests over a window: nobody waits for them, and receivers dislike thousands at once.

The first few of an account for a destination go at once. Those that follow within the window fall
between each other, one half of it apart, then quarters, eighths: evenly, however many there are.
"""

import logging
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# Digests of an account for a destination that go at once, in each window.
AT_ONCE = 10

# An account, by id, and a domain.
Stream = tuple[int, str]


def delays(streams: Sequence[Stream]) -> list[timedelta]:
    """Return how long each of these digests has to wait, in their order."""
    if not settings.DIGEST_WINDOW or not streams:
        return [timedelta(0)] * len(streams)
    before = _count(Counter(streams))
    found = []
    for stream in streams:
        number = before[stream]
        before[stream] += 1
        found.append(timedelta(seconds=_place(number) * settings.DIGEST_WINDOW))
    return found


def _count(new: Counter[Stream]) -> dict[Stream, int]:
    """Count digests for all doors together; return how many of each there were in its window."""
    pipeline = _redis().pipeline()
    for (account_id, domain), number in new.items():
        key = f"digests:{account_id}:{domain}"
        pipeline.set(key, 0, ex=settings.DIGEST_WINDOW, nx=True)
        pipeline.incrby(key, number)
    try:
        counts = pipeline.execute()[1::2]
    except redis.RedisError as error:
        logger.warning("Redis does not answer, digests are spread by chance: %s", error)
        return {stream: random.randrange(AT_ONCE, 2**20) for stream in new}
    return {
        stream: count - number for (stream, number), count in zip(new.items(), counts, strict=True)
    }


def _place(number: int) -> float:
    """Return where in the window a digest falls, from 0 to 1 (van der Corput's sequence)."""
    left, place, step = max(0, number - AT_ONCE + 1), 0.0, 0.5
    while left:
        left, bit = divmod(left, 2)
        place += bit * step
        step /= 2
    return place


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
