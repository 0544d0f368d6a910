"""What a page of figures is asked for, out of its URL: a period, and whose mail of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from accounts.message_class import BY_NAME
from accounts.models import Account
from domains.addresses import AddressError, normalise_domain
from events.models import Kind, Tally
from events.statistics import INTERVALS, SHARES, Query


@dataclass(frozen=True, slots=True)
class Period:
    """A period until now that is offered by name."""

    words: str
    interval: str  # what it is cut into, unless the URL says otherwise
    length: timedelta


PERIODS = {
    "24h": Period("24 hours", "hour", timedelta(hours=24)),
    "7d": Period("7 days", "day", timedelta(days=7)),
    "30d": Period("30 days", "day", timedelta(days=30)),
    "90d": Period("90 days", "day", timedelta(days=90)),
}
USUAL = "7d"
# More points than these say nothing more in a chart.
LONGEST_BY_HOUR = timedelta(days=7)
LONGEST = INTERVALS["day"][1]
YEARS = range(2000, 3000)
MAX_TEXT = 255

FILTERS = ("tag", "class", "domain", "destination")
# How the list of messages is asked for those who met a fate. What has no state of its own is asked
# for by its event.
FATES = {
    Tally.ACCEPTED: {},
    Kind.DELIVERY: {"state": "delivered"},
    Kind.BOUNCE: {"state": "bounced"},
    Kind.BLOCKED: {"state": "blocked"},
    Kind.SOFT_BOUNCE: {"event": "soft_bounce"},
    Kind.COMPLAINT: {"event": "complaint"},
    Tally.UNIQUE_OPEN: {"event": "open"},
    Tally.UNIQUE_CLICK: {"event": "click"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown, and the parameters that ask for it."""

    query: Query
    period: str  # one of PERIODS; "": two dates
    parameters: dict[str, str]  # those that were understood
    problems: tuple[str, ...]  # in sentences, what was not

    def address(self, **changes: str) -> str:
        """Return the same page with other parameters; "" drops one."""
        return f"?{_encoded(self.parameters | changes)}"

    def messages(self, kind: str, **filters: str) -> str:
        """Return the address of the list of messages whose recipients met a fate."""
        wanted = {name: self.parameters.get(name, "") for name in FILTERS} | filters
        if destination := wanted.pop("destination"):
            wanted["query"] = f"@{destination}"
        wanted |= FATES[kind] | {
            "since": f"{next(iter(self.query.starts)):%Y-%m-%dT%H:%MZ}",
            "until": f"{self.query.ends:%Y-%m-%dT%H:%MZ}",
        }
        return f"{reverse('message-list')}?{_encoded(wanted)}"


def _encoded(parameters: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in parameters.items() if value})


def read(account: Account, given: Mapping[str, str], usual: str = USUAL) -> Asked:
    """Read the parameters of a page. What cannot be understood is left out, and said so."""
    reader = _Reader(given)
    period, since, until = reader.period(usual)
    interval = reader.interval(since, until, period)
    kept = reader.filters()
    query = Query(
        account=account,
        since=since,
        until=until,
        interval=interval,
        tag=kept.get("tag", ""),
        message_class=BY_NAME.get(kept.get("class", "")),
        domain=kept.get("domain", ""),
        destination=kept.get("destination", ""),
    )
    parameters = {
        "period": "" if period == usual else period,
        "interval": given.get("interval", "") if interval == given.get("interval") else "",
        "by": given.get("by", "") if given.get("by") in SHARES else "",
        **kept,
    }
    if not period:
        parameters |= {"since": given.get("since", ""), "until": given.get("until", "")}
    chosen = {name: value for name, value in parameters.items() if value}
    return Asked(query, period, chosen, tuple(reader.problems))


class _Reader:
    """Reads one parameter after the other, and notes what is wrong."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.problems: list[str] = []

    def period(self, usual: str) -> tuple[str, datetime, datetime]:
        """Return the name of the period, its beginning, and the end of it."""
        now = timezone.now().astimezone(UTC)
        if self._given.get("since") or self._given.get("until"):
            dates = self._dates(now)
            if dates:
                return "", *dates
        name = self._given.get("period") or usual
        if name not in PERIODS:
            self.problems.append(f"A period is one of {', '.join(PERIODS)}; this is {usual}.")
            name = usual
        period = PERIODS[name]
        # The interval that runs is the last of them.
        step = INTERVALS[period.interval][0]
        return name, now - period.length + step, now

    def _dates(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Return two dates: the first and the last day that are shown."""
        until = self._date("until", now.date())
        since = self._date("since", until and until - timedelta(days=6))
        if since is None or until is None:
            return None
        if since > until:
            self.problems.append("The first day must not be after the last one.")
            return None
        if until - since >= LONGEST:
            self.problems.append(f"At most {LONGEST.days} days are shown at once.")
            return None
        ends = datetime.combine(until + timedelta(days=1), time(), UTC)
        return datetime.combine(since, time(), UTC), ends

    def _date(self, name: str, usual: date | None) -> date | None:
        """Return a date, the usual one where none is given; None: what is given is none."""
        text = self._given.get(name, "")
        if not text:
            return usual
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if day.year in YEARS:
            return day
        self.problems.append("A day is written like 2026-11-30.")
        return None

    def interval(self, since: datetime, until: datetime, period: str) -> str:
        """Return what the period is cut into."""
        usual = PERIODS[period].interval if period else "day"
        asked = self._given.get("interval") or usual
        if asked not in INTERVALS:
            self.problems.append("An interval is hour or day.")
            return usual
        if asked == "hour" and until - since > LONGEST_BY_HOUR:
            self.problems.append(f"By the hour at most {LONGEST_BY_HOUR.days} days are shown.")
            return "day"
        return asked

    def filters(self) -> dict[str, str]:
        """Return what mail is asked for: a domain, a destination, or a tag and a class."""
        kept = {name: self._given.get(name, "")[:MAX_TEXT] for name in FILTERS}
        kept = {name: value.replace("\x00", "") for name, value in kept.items() if value}
        if kept.get("class", "standard") not in BY_NAME:
            self.problems.append(f"A class is one of {', '.join(BY_NAME)}.")
            del kept["class"]
        for name in ("domain", "destination"):
            if name in kept:
                self._normalise(kept, name)
        for name in ("domain", "destination"):
            if name in kept and len(kept) > 1:
                self.problems.append(
                    f"A {name} cannot be combined with other filters; this is all mail of it."
                )
                return {name: kept[name]}
        return kept

    def _normalise(self, kept: dict[str, str], name: str) -> None:
        try:
            kept[name] = normalise_domain(kept[name])
        except AddressError:
            self.problems.append(f"{kept.pop(name)} is no domain.")
