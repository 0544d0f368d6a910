"""Spread digests over a window: nobody waits for them, and receivers dislike thousands at once.

The first few of an account for a destination go at once. Those that follow within the window fall
between each other, one half of it apart, then quarters, eighths: evenly, however many there are.
A destination is a site, or a provider, where a worker has told which one takes the mail of a
domain; until then the domain itself: the doors ask no DNS.
"""

import logging
import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import cast
from uuid import UUID

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

# Digests of an account for a destination that go at once, in each window.
FIRST = 10
AT_ONCE = timedelta(0)

# Seconds that the destination of a domain is known after mail went there.
KNOWN_FOR = 7 * 24 * 3600

# A message and the address of one of its recipients.
Place = tuple[UUID, str]
# An account, by id, and a domain or a destination.
Stream = tuple[int, str]


def delays(digests: Mapping[Place, Stream]) -> dict[Place, timedelta]:
    """Return how long digests have to wait; who is not named goes at once."""
    if not settings.DIGEST_WINDOW or not digests:
        return {}
    try:
        streams = _by_destination(digests)
        before = _count(Counter(streams.values()))
    except redis.RedisError as error:
        logger.warning("Redis does not answer, digests are spread by chance: %s", error)
        streams = digests
        before = {stream: random.randrange(FIRST, 2**20) for stream in set(digests.values())}
    found = {}
    for digest, stream in streams.items():
        found[digest] = timedelta(seconds=_share(before[stream]) * settings.DIGEST_WINDOW)
        before[stream] += 1
    return found


def destination_key(domain: str) -> str:
    """Return where Redis keeps the destination of a domain."""
    return f"digests:destination:{domain}"


def _by_destination(digests: Mapping[Place, Stream]) -> Mapping[Place, Stream]:
    """Put the destination in the place of each domain of which it is known."""
    domains = list({domain for _, domain in digests.values()})
    known = cast(list[bytes | None], _redis().mget(map(destination_key, domains)))
    names = {
        domain: name.decode() if name else domain
        for domain, name in zip(domains, known, strict=True)
    }
    return {place: (account_id, names[domain]) for place, (account_id, domain) in digests.items()}


def _count(new: Counter[Stream]) -> dict[Stream, int]:
    """Count digests for all doors together; return how many of each there were in its window."""
    pipeline = _redis().pipeline()
    for (account_id, destination), number in new.items():
        key = f"digests:{account_id}:{destination}"
        pipeline.set(key, 0, ex=settings.DIGEST_WINDOW, nx=True)
        pipeline.incrby(key, number)
    counts = pipeline.execute()[1::2]
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
