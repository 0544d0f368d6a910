"""Add the tallies up by hour or day: how many recipients met which fate, and the rates of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import TruncDay, TruncHour

from accounts.message_class import MessageClass
from accounts.models import Account
from events.models import Kind, Tally

KINDS = (Tally.ACCEPTED, *(kind.value for kind in Kind), Tally.UNIQUE_OPEN, Tally.UNIQUE_CLICK)
# The length of one interval, and of the longest period in it: no answer has more rows than these.
INTERVALS = {
    "hour": (timedelta(hours=1), timedelta(days=31)),
    "day": (timedelta(days=1), timedelta(days=400)),
}
ROUNDED = {"hour": TruncHour, "day": TruncDay}


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: a period, cut into intervals of UTC."""

    account: Account
    since: datetime  # the first interval is the one that holds it
    until: datetime  # and the last one begins before this
    interval: str  # one of INTERVALS
    tag: str = ""  # "": all messages, tagged or not
    message_class: MessageClass | None = None  # None: all of them

    @property
    def starts(self) -> Iterator[datetime]:
        """The beginnings of all intervals."""
        start = _start(self.since, self.interval)
        while start < self.until:
            yield start
            start += INTERVALS[self.interval][0]

    @property
    def is_too_long(self) -> bool:
        return self.until - self.since > INTERVALS[self.interval][1]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was counted from one moment on, by kind; kinds that did not occur count 0."""

    start: datetime
    counts: dict[str, int]


def by_interval(query: Query) -> list[Bucket]:
    """Return one bucket for each interval of the period, those without any mail included."""
    counted: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for start, kind, count in _sums(query):
        counted[start][kind] += count
    return [Bucket(start, {kind: counted[start][kind] for kind in KINDS}) for start in query.starts]


def total(buckets: list[Bucket]) -> dict[str, int]:
    """Return the counts of a whole period by kind."""
    return {kind: sum(bucket.counts[kind] for bucket in buckets) for kind in KINDS}


def rates(counts: dict[str, int]) -> dict[str, float | None]:
    """Return the rates that reputation is judged by, between 0 and 1; None: of nothing at all.

    A recipient is settled once it was delivered or has bounced: those who are still being tried
    count for nothing yet.
    """
    delivered = counts[Kind.DELIVERY]
    settled = delivered + counts[Kind.BOUNCE]
    return {
        "delivery": _ratio(delivered, settled),
        "bounce": _ratio(counts[Kind.BOUNCE], settled),
        "blocked": _ratio(counts[Kind.BLOCKED], counts[Tally.ACCEPTED]),
        "complaint": _ratio(counts[Kind.COMPLAINT], delivered),
        "open": _ratio(counts[Tally.UNIQUE_OPEN], delivered),
        "click": _ratio(counts[Tally.UNIQUE_CLICK], delivered),
    }


def _sums(query: Query) -> Iterator[tuple[datetime, str, int]]:
    tallies = Tally.objects.filter(
        account=query.account,
        hour__gte=_start(query.since, query.interval),
        # The last interval counts in full.
        hour__lt=max(query.starts) + INTERVALS[query.interval][0],
        tag=query.tag,
    )
    if query.message_class is not None:
        tallies = tallies.filter(message_class=query.message_class)
    start = ROUNDED[query.interval]("hour", tzinfo=UTC)
    return (
        tallies.annotate(start=start)
        .values_list("start", "kind")
        .annotate(sum=Sum("count"))
        .order_by()
        .iterator()
    )


def _start(moment: datetime, interval: str) -> datetime:
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return moment.replace(hour=0) if interval == "day" else moment


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
