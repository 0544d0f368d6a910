"""Spread digests over a window: nobody waits for them, and receivers dislike thousands at once.

The first few of an account for a destination go at once. Those that follow within the window fall
between each other, one half of it apart, then quarters, eighths: evenly, however many there are.
"""

import logging
import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from uuid import UUID

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# Digests of an account for a destination that go at once, in each window.
FIRST = 10
AT_ONCE = timedelta(0)

# A message and the address of one of its recipients.
Place = tuple[UUID, str]
# An account, by id, and a domain.
Stream = tuple[int, str]


def delays(digests: Mapping[Place, Stream]) -> dict[Place, timedelta]:
    """Return how long digests have to wait; who is not named goes at once."""
    if not settings.DIGEST_WINDOW or not digests:
        return {}
    before, found = _count(Counter(digests.values())), {}
    for digest, stream in digests.items():
        found[digest] = timedelta(seconds=_share(before[stream]) * settings.DIGEST_WINDOW)
        before[stream] += 1
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
        return {stream: random.randrange(FIRST, 2**20) for stream in new}
    return {
        stream: count - number for (stream, number), count in zip(new.items(), counts, strict=True)
    }


def _share(number: int) -> float:
    """Return where in the window a digest falls, from 0 to 1 (van der Corput's sequence)."""
    left, share, step = max(0, number - FIRST + 1), 0.0, 0.5
    while left:
        left, bit = divmod(left, 2)
        share += bit * step
        step /= 2
    return share


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
