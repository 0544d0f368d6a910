"""Add the tallies up by hour or day: how many recipients met which fate, and the rates of it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncHour

from accounts.message_class import MessageClass
from accounts.models import Account
from events.models import DeliveryTime, DomainTally, Kind, Tally

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
    # Where one of these is named, tag and class are not asked for: no tally knows both.
    domain: str = ""  # that mail came from
    destination: str = ""  # that it went to

    @property
    def starts(self) -> Iterator[datetime]:
        """The beginnings of all intervals."""
        start = _start(self.since, self.interval)
        while start < self.until:
            yield start
            start += INTERVALS[self.interval][0]

    @property
    def ends(self) -> datetime:
        """Where the last interval ends: it counts in full."""
        return max(self.starts) + INTERVALS[self.interval][0]

    @property
    def before(self) -> "Query":
        """The same number of intervals, just before these."""
        start = _start(self.since, self.interval)
        return replace(self, since=start - (self.ends - start), until=start)

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
    start = ROUNDED[query.interval]("hour", tzinfo=UTC)
    return (
        _asked(query)
        .annotate(start=start)
        .values_list("start", "kind")
        .annotate(sum=Sum("count"))
        .order_by()
        .iterator()
    )


def _asked(query: Query) -> QuerySet[Any]:
    """Return the tallies that hold what is asked for, by hour."""
    if name := query.domain or query.destination:
        side = DomainTally.Side.SENDER if query.domain else DomainTally.Side.DESTINATION
        return _in_period(DomainTally, query).filter(side=side, domain=name)
    return _of_class(_in_period(Tally, query), query).filter(tag=query.tag)


def _in_period(model: type[Model], query: Query) -> QuerySet[Any]:
    hours = {"hour__gte": _start(query.since, query.interval), "hour__lt": query.ends}
    return model._default_manager.filter(account=query.account, **hours)


def _of_class(rows: QuerySet[Any], query: Query) -> QuerySet[Any]:
    if query.message_class is None:
        return rows
    return rows.filter(message_class=query.message_class)


# What the sum of a whole period can be shared out by.
SHARES = ("tag", "class", "domain", "destination")


def by_share(query: Query, share: str) -> dict[str, dict[str, int]]:
    """Return counts by kind for each tag, class, sending domain or destination, most mail first.

    Tags and classes of the messages that are asked for; domains of all messages. The destination
    "" holds those that are too small to be kept apart.
    """
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows, column = _shared(query, share)
    for value, kind, count in rows.values_list(column, "kind").annotate(Sum("count")).order_by():
        counted[MessageClass(value).label if share == "class" else value][kind] += count
    sums = {name: {kind: counts[kind] for kind in KINDS} for name, counts in counted.items()}
    return dict(sorted(sums.items(), key=lambda one: (-one[1][Tally.ACCEPTED], one[0])))


def _shared(query: Query, share: str) -> tuple[QuerySet[Any], str]:
    if share == "tag":
        return _of_class(_in_period(Tally, query), query).exclude(tag=""), "tag"
    if share == "class":
        return _in_period(Tally, query).filter(tag=query.tag), "message_class"
    side = DomainTally.Side.SENDER if share == "domain" else DomainTally.Side.DESTINATION
    return _in_period(DomainTally, query).filter(side=side), "domain"


def times(query: Query) -> dict[datetime, Counter[int]]:
    """Return how many deliveries fell into each bucket of time, by interval (`tallies`).

    Of all mail, or of a class: times are not kept by tag or domain.
    """
    found: dict[datetime, Counter[int]] = {start: Counter() for start in query.starts}
    rounded = ROUNDED[query.interval]("hour", tzinfo=UTC)
    rows = _of_class(_in_period(DeliveryTime, query), query).annotate(start=rounded)
    sums = rows.values_list("start", "bucket").annotate(Sum("count")).order_by()
    for start, bucket, count in sums:
        found[start][bucket] += count
    return found


def _start(moment: datetime, interval: str) -> datetime:
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return moment.replace(hour=0) if interval == "day" else moment


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
