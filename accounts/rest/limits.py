"""How many requests an account may make in a second: the generic cell rate algorithm in Redis."""

import logging
import math
import time
from dataclasses import dataclass

import redis
from django.conf import settings

from accounts.models import Account

logger = logging.getLogger(__name__)

# So many seconds' worth of requests may come at once.
BURST = 2
# Seconds that a request waits for Redis at most, and how long Redis is left alone after that.
PATIENCE, LEAVE_ALONE = 0.25, 5.0

# KEYS[1] holds the microsecond at which the bucket will be full again. ARGV: the microseconds that
# one request costs, and the requests that an untouched bucket holds. One request comes in.
# Returns whether it may pass, how many more might, the microseconds until all might again, and
# those until one might.
GCRA = """
local cost, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = full_at + cost - size * cost - now
local passes = 0
if wait <= 0 then
  passes, wait = 1, 0
  full_at = full_at + cost
  redis.call('SET', KEYS[1], string.format('%.0f', full_at),
             'PX', math.ceil((full_at - now) / 1000) + 1)
end
return {passes, math.floor((size * cost - (full_at - now)) / cost),
        string.format('%.0f', full_at - now), string.format('%.0f', wait)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account may still ask for."""

    passes: bool
    limit: int  # requests at once
    remaining: int
    reset: int  # seconds until `remaining` is `limit` again
    wait: int  # seconds until the next request may come

    @property
    def headers(self) -> dict[str, str]:
        """The fields that clients know from other services."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class Limiter:
    """Counts requests in Redis; while that is away, lets all pass."""

    def __init__(self) -> None:
        self._redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        self._script = self._redis.register_script(GCRA)
        self._away_until = 0.0

    def count(self, account: Account) -> Allowance | None:
        """Count one request. None: nobody counts just now."""
        if time.monotonic() < self._away_until:
            return None
        rate = max(account.requests_per_second, 1)
        limit = rate * BURST
        try:
            passes, remaining, reset, wait = self._script(
                keys=[f"requests:{account.pk}"], args=[math.ceil(1e6 / rate), limit]
            )
        except (redis.RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        self._away_until = 0.0
        return Allowance(bool(passes), limit, int(remaining), _seconds(reset), _seconds(wait))

    def _leave_alone(self, error: Exception) -> None:
        if not self._away_until:
            logger.warning("Requests are not limited while Redis is away: %s", error)
        self._away_until = time.monotonic() + LEAVE_ALONE

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def _seconds(microseconds: bytes) -> int:
    return math.ceil(int(microseconds) / 1e6)


_limiter: list[Limiter] = []


def count(account: Account) -> Allowance | None:
    """Count one request of an account. None: nobody counts just now."""
    if not _limiter:
        _limiter.append(Limiter())
    return _limiter[0].count(account)
