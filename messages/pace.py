"""Hold accounts to the messages that they may hand in by the second, each process its share."""

import time

from django.conf import settings

# Accounts that are remembered at once; whoever is forgotten may start afresh.
MAX_KEPT = 10_000


class Pace:
    """Token buckets, one an account: a second's worth may come at once."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[float, float]] = {}  # account: tokens, as of when

    def allows(self, account_id: int, messages_per_second: int) -> bool:
        """Say whether one more message may come now, and count it where it may."""
        rate = messages_per_second / settings.SUBMISSION_PROCESSES
        size = max(rate, 1.0)
        now = time.monotonic()
        tokens, last = self._buckets.pop(account_id, (size, now))
        tokens = min(size, tokens + (now - last) * rate)
        is_allowed = tokens >= 1
        self._buckets[account_id] = (tokens - is_allowed, now)
        if len(self._buckets) > MAX_KEPT:
            del self._buckets[next(iter(self._buckets))]
        return is_allowed
