"""What the pages of figures show: numbers beside those of the period before, and charts.

All of it comes from the tallies, in a few queries whatever the amount of mail.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from events import statistics, tallies
from events.asked import FILTERS, Asked
from events.models import Kind, Tally
from events.statistics import Bucket

# The names of what is counted, as pages and CSV call it.
NAMES = {
    Tally.ACCEPTED: "Sent",
    Kind.DELIVERY: "Delivered",
    Kind.BOUNCE: "Bounced",
    Kind.SOFT_BOUNCE: "Soft-bounced",
    Kind.BLOCKED: "Blocked",
    Kind.COMPLAINT: "Complained",
    Tally.UNIQUE_OPEN: "Opened",
    Tally.UNIQUE_CLICK: "Clicked",
}
# Of what a rate is the part, where there is one.
RATES = {
    Kind.DELIVERY: "delivery",
    Kind.BOUNCE: "bounce",
    Kind.BLOCKED: "blocked",
    Kind.COMPLAINT: "complaint",
    Tally.UNIQUE_OPEN: "open",
    Tally.UNIQUE_CLICK: "click",
}
# Where big receivers begin to mistrust a sender: bounces of all attempted; complaints, the value
# that they ask for and the one that must never be reached. In percent.
BOUNCE_LIMIT, COMPLAINT_LIMIT, COMPLAINT_END = 2.0, 0.1, 0.3
BEFORE = "the period before"

Series = dict[str, Any]
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the period, and how it was before."""

    name: str
    count: int
    rate: str  # "98.9 %"; "": it has none, "–": of nothing
    before: str  # the same of the period before: the rate, or else the count; "": no mail then
    url: str  # of the messages


class Figures:
    """The figures of a period; each query is asked once, when something needs it."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    @cached_property
    def _both(self) -> list[Bucket]:
        """The buckets of the period before and of this one."""
        query = self._asked.query
        return statistics.by_interval(replace(query, since=query.before.since))

    @property
    def _half(self) -> int:
        return len(self._both) // 2

    @property
    def now(self) -> list[Bucket]:
        return self._both[self._half :]

    @property
    def before(self) -> list[Bucket]:
        return self._both[: self._half]

    @property
    def is_empty(self) -> bool:
        return not any(any(bucket.counts.values()) for bucket in self.now)

    @property
    def was_before(self) -> bool:
        return any(any(bucket.counts.values()) for bucket in self.before)

    @cached_property
    def _times(self) -> list[Counter[int]]:
        query = self._asked.query
        return list(statistics.times(replace(query, since=query.before.since)).values())

    def tiles(self, kinds: Iterable[str] = NAMES) -> list[Tile]:
        """Return the sums of the period, each with its rate."""
        now, before = statistics.total(self.now), statistics.total(self.before)
        return [
            Tile(
                NAMES[kind], now[kind], rate_of(now, kind),
                (rate_of(before, kind) or f"{before[kind]:,}") if self.was_before else "",
                self._asked.messages(kind),
            )
            for kind in kinds
        ]  # fmt: skip

    def chart(self, name: str) -> Data:
        """Return one of CHARTS, as static/charts.js wants it; no ghost of a period without mail."""
        data = CHARTS[name](self)
        if not self.was_before:
            data["series"] = [one for one in data["series"] if "ghost" not in one]
        return data

    @property
    def labels(self) -> list[str]:
        is_hourly = self._asked.query.interval == "hour"
        style = "%-d %b %H:%M" if is_hourly else "%-d %b"
        return [f"{bucket.start:{style}}" for bucket in self.now]

    def volume(self) -> Data:
        return self._bars(
            self._counts("Delivered", "good", Kind.DELIVERY),
            self._counts("Bounced", "wrong", Kind.BOUNCE),
            self._counts("Blocked", "off", Kind.BLOCKED),
            self._counts(f"Sent, {BEFORE}", "muted", Tally.ACCEPTED, is_before=True),
        )

    def problems(self) -> Data:
        return self._bars(
            self._counts("Soft-bounced", "waiting", Kind.SOFT_BOUNCE),
            self._counts("Bounced", "wrong", Kind.BOUNCE),
            self._counts("Blocked", "off", Kind.BLOCKED),
            self._counts("Complained", "accent", Kind.COMPLAINT),
        )

    def bounces(self) -> Data:
        return self._lines(
            "%",
            self._rates("Bounced", "wrong", "bounce"),
            self._rates(f"Bounced, {BEFORE}", "wrong", "bounce", is_before=True),
            self._limit(f"Limit {BOUNCE_LIMIT:g} %", BOUNCE_LIMIT),
        )

    def complaints(self) -> Data:
        return self._lines(
            "%",
            self._rates("Complained", "wrong", "complaint"),
            self._rates(f"Complained, {BEFORE}", "wrong", "complaint", is_before=True),
            self._limit(f"Limit {COMPLAINT_LIMIT:g} %", COMPLAINT_LIMIT, "waiting"),
            self._limit(f"Never over {COMPLAINT_END:g} %", COMPLAINT_END),
        )

    def engagement(self) -> Data:
        return self._lines(
            "%",
            self._rates("Opened", "accent", "open"),
            self._rates(f"Opened, {BEFORE}", "accent", "open", is_before=True),
            self._rates("Clicked", "good", "click"),
            self._rates(f"Clicked, {BEFORE}", "good", "click", is_before=True),
        )

    def times(self) -> Data:
        """Seconds from acceptance to delivery: of all mail, or of a class."""
        half = self._half
        now, before = self._times[half:], self._times[:half]
        return self._lines(
            "s",
            _percentile("Half within (p50)", "good", now, 0.5),
            _percentile(f"p50, {BEFORE}", "good", before, 0.5, is_before=True),
            _percentile("95 % within (p95)", "accent", now, 0.95),
            _percentile(f"p95, {BEFORE}", "accent", before, 0.95, is_before=True),
        )

    def _counts(self, name: str, tone: str, kind: str, *, is_before: bool = False) -> Series:
        buckets = self.before if is_before else self.now
        return _series(name, tone, [bucket.counts[kind] for bucket in buckets], is_before)

    def _rates(self, name: str, tone: str, rate: str, *, is_before: bool = False) -> Series:
        rates = [statistics.rates(one.counts)[rate] for one in self._of(is_before)]
        values = [None if value is None else round(100 * value, 3) for value in rates]
        return _series(name, tone, values, is_before)

    def _of(self, is_before: bool) -> list[Bucket]:
        return self.before if is_before else self.now

    def _limit(self, name: str, value: float, tone: str = "muted") -> Series:
        return {"name": name, "tone": tone, "dashed": True, "values": [value] * len(self.now)}

    def _bars(self, *series: Series) -> Data:
        return {"type": "bar", "stacked": True, "labels": self.labels, "series": list(series)}

    def _lines(self, unit: str, *series: Series) -> Data:
        return {"type": "line", "unit": f" {unit}", "labels": self.labels, "series": list(series)}


CHARTS: dict[str, Callable[[Figures], Data]] = {
    "volume": Figures.volume,
    "problems": Figures.problems,
    "bounces": Figures.bounces,
    "complaints": Figures.complaints,
    "engagement": Figures.engagement,
    "times": Figures.times,
}


def _series(name: str, tone: str, values: Sequence[Any], is_before: bool) -> Series:
    return {"name": name, "tone": tone, "values": values} | ({"ghost": True} if is_before else {})


def _percentile(
    name: str, tone: str, times: Iterable[Counter[int]], share: float, *, is_before: bool = False
) -> Series:
    seconds = [tallies.percentile(buckets, share) for buckets in times]
    values = [None if value is None else float(f"{value:.3g}") for value in seconds]
    return _series(name, tone, values, is_before)


def rate_of(counts: dict[str, int], kind: str) -> str:
    """Say how great a part met a fate: "98.9 %"; "–": of nothing, "": there is no such rate."""
    if kind not in RATES:
        return ""
    rate = statistics.rates(counts)[RATES[kind]]
    if rate is None:
        return "–"
    return f"{100 * rate:.{3 if kind == Kind.COMPLAINT else 1}f} %"


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a row, and the part that it is."""

    count: int
    rate: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One tag, class, sending domain or destination."""

    name: str  # "": the destinations that are too small to be kept apart
    url: str  # of the same page, about this one alone
    cells: list[Cell]


MAX_ROWS = 50


def shares(asked: Asked, share: str) -> list[Row]:
    """Return the period shared out, those with the most mail first."""
    counted = statistics.by_share(asked.query, share)
    return [_row(asked, share, name, counts) for name, counts in list(counted.items())[:MAX_ROWS]]


def _row(asked: Asked, share: str, name: str, counts: dict[str, int]) -> Row:
    mine = dict.fromkeys(FILTERS, "") | {share: name}
    if share in ("tag", "class"):
        # These two can be combined, and domains with nothing.
        mine |= {one: asked.parameters.get(one, "") for one in ("tag", "class") if one != share}
    cells = [
        Cell(counts[kind], rate_of(counts, kind), asked.messages(kind, **mine) if name else "")
        for kind in NAMES
    ]
    return Row(name, asked.address(**mine, by="") if name else "", cells)
