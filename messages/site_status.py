"""What a worker tells of a site, and how staff sees it: one table for all workers together."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from messages.shaping.measures import Measure
from messages.site import Site


def of(site: Site) -> dict[str, Any]:
    """Return what one worker knows of a site, as JSON can carry it."""
    standing = site.standing
    suspension = standing.suspension
    measures = [*standing.measures.on]
    if suspension and suspension not in measures:
        measures.append(suspension)
    return {
        "site": standing.terms.site,
        "hosts": [host for group in site.exchangers.groups for host in group],
        "group": standing.terms.group,
        "limits": asdict(standing.limits),
        "total": asdict(standing.terms.total),
        "note": standing.terms.note,
        **site.figures,
        "measures": [measure.to_json() for measure in measures],
    }


@dataclass
class SiteRow:
    """A site as all workers see it."""

    site: str
    hosts: list[str]
    group: str | None
    limits: dict[str, int | None]
    total: dict[str, int | None]
    note: str
    connections: int = 0
    opening: int = 0
    window: int = 0
    waiting: int = 0
    in_flight: int = 0
    per_minute: int = 0
    measures: dict[str, Measure] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """The state in one word."""
        if any(measure.suspends for measure in self.measures.values()):
            return "Down" if "Down" in self.measures else "Suspended"
        return "Slowed" if self.measures else "Good"

    @property
    def reasons(self) -> list[tuple[str, str, datetime]]:
        """What is done, what the site had said, and when it ends."""
        return [
            (one.name, str(one.reply), datetime.fromtimestamp(one.until, UTC))
            for one in self.measures.values()
        ]

    @property
    def limits_in_words(self) -> list[tuple[str, int]]:
        """The limits that there are, of the site and then of its group."""
        both = [("", self.limits), ("all together, ", self.total)]
        return [
            (prefix + name.replace("_", " "), value)
            for prefix, limits in both
            for name, value in limits.items()
            if value is not None
        ]


SUMS = ("connections", "opening", "window", "waiting", "in_flight", "per_minute")
FACTS = ("site", "hosts", "group", "limits", "total", "note")


def rows(told: Iterable[dict[str, Any]]) -> list[SiteRow]:
    """Put together what workers tell; the sites that need a look come first."""
    found: dict[str, SiteRow] = {}
    for entry in told:
        row = found.setdefault(entry["site"], SiteRow(**{name: entry[name] for name in FACTS}))
        for name in SUMS:
            setattr(row, name, getattr(row, name) + entry[name])
        for text in entry["measures"]:
            measure = Measure.from_json(text)
            row.measures[measure.name] = measure
    return sorted(found.values(), key=lambda row: (row.state == "Good", -row.waiting, row.hosts))
