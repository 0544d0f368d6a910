"""How long to wait with an endpoint that fails: for a batch, and with the endpoint as a whole."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# After each failed attempt at a batch; with the last the schedule is exhausted, after 75 hours.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
# Share by which each wait varies, so that batches that failed together do not come together.
JITTER = 0.2
# From so many failures in a row on the breaker is open between two posts.
BREAKER_AFTER = 3
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
# What an endpoint may ask for by Retry-After (RFC 9110 §10.2.3), and with which answers.
LONGEST_WISH = timedelta(hours=24)
WISHING = (429, 502, 503, 504)
# Failures in a row after which the account is told, and the time without a success after which
# the webhook is disabled.
TELL_AFTER = 10
GIVE_UP_AFTER = timedelta(days=5)


def until_next_attempt(attempts: int) -> timedelta | None:
    """Return how long a batch waits after so many failed attempts. None: it is not tried again."""
    if attempts > len(RETRY_AFTER):
        return None
    return _varied(RETRY_AFTER[attempts - 1])


def pause_after(failures: int) -> timedelta:
    """Return how long the breaker stays open after so many failures in a row."""
    if failures < BREAKER_AFTER:
        return timedelta(0)
    doublings = min(failures - BREAKER_AFTER, 10)
    return _varied(min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE))


def _varied(wait: timedelta) -> timedelta:
    return wait * random.uniform(1 - JITTER, 1 + JITTER)


def wish(status: int | None, retry_after: str, now: datetime) -> timedelta:
    """Return how long an endpoint has asked us to stay away: seconds or an HTTP date."""
    if status not in WISHING or not retry_after:
        return timedelta(0)
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        seconds = min(int(text[:9]), int(LONGEST_WISH.total_seconds()))
        return timedelta(seconds=seconds)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_WISH)
