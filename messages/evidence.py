"""What staff look at before they decide about an account: a month of its mail on one screen."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from django.db.models import F
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from accounts.ladder import WINDOW, Figures
from accounts.models import Account
from accounts.volume import Measure, RampUpDecision, StandingChange
from domains.models import Domain
from events import reputation, statistics
from events.identifiers import first_id_at
from events.models import Event, Kind
from events.statistics import Query
from messages.models import Message

DAYS = 30
SUBJECTS, REASONS, DECISIONS, STEPS, TAGS = 20, 10, 10, 10, 10
# The newest bounces that are looked through for what servers say.
BOUNCES = 2_000
# Characters of a reply or a subject that are shown.
MAX_SHOWN = 200

# The chart, in the units of its SVG.
WIDTH, HEIGHT, GAP = 900, 160, 6


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart: two parts of a column, one upon the other, in units of the SVG."""

    day: date
    delivered: int
    bounced: int
    complained: int
    x: float
    width: float
    good_y: float
    good_height: float
    bad_y: float
    bad_height: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A month of an account's mail."""

    account: Account
    bars: list[Bar]
    highest: int  # recipients of the busiest day
    week: Figures
    month: Figures
    shares: list[tuple[str, Figures]]  # of the month, by class and by tag, most mail first
    domains: list[Domain]
    reasons: list[tuple[str, int]]  # what servers said to bounces, the most frequent first
    subjects: list[str]
    decisions: list[RampUpDecision]
    steps: list[StandingChange]

    @property
    def rates(self) -> Iterator[tuple[str, Figures, float, float]]:
        """The name of each span, its figures, and its rates of bounces and complaints."""
        return _with_rates((("7 days", self.week), (f"{DAYS} days", self.month)))

    @property
    def parts(self) -> Iterator[tuple[str, Figures, float, float]]:
        """The same of each class and tag."""
        return _with_rates(self.shares)


def _with_rates(
    rows: Iterable[tuple[str, Figures]],
) -> Iterator[tuple[str, Figures, float, float]]:
    for name, figures in rows:
        bounces, complaints = map(figures.rate, (Measure.BOUNCES, Measure.COMPLAINTS))
        yield name, figures, 100 * bounces, 100 * complaints


def gather(account: Account) -> Evidence:
    """Read what is known of an account's mail."""
    now = timezone.now()
    since = now - timedelta(days=DAYS)
    bars = _bars(account)
    return Evidence(
        account=account,
        bars=bars,
        highest=max((bar.delivered + bar.bounced for bar in bars), default=0),
        week=reputation.figures(account, now - WINDOW, now),
        month=reputation.figures(account, since, now),
        shares=[*_shares(account, "class"), *_shares(account, "tag")],
        domains=list(Domain.objects.filter(account=account).order_by("name")[:SUBJECTS]),
        reasons=_reasons(account),
        subjects=_subjects(account),
        decisions=list(
            RampUpDecision.objects.filter(request__account=account)
            .select_related("request")
            .order_by("-id")[:DECISIONS]
        ),
        steps=list(account.standing_changes.order_by("-id")[:STEPS]),
    )


def _month(account: Account) -> Query:
    now = timezone.now()
    return Query(account, now - timedelta(days=DAYS - 1), now, "day")


def _shares(account: Account, share: str) -> list[tuple[str, Figures]]:
    found = statistics.by_share(_month(account), share)
    return [
        (f"{share} {name}", _figures(counts)) for name, counts in islice(found.items(), TAGS)
    ]  # fmt: skip


def _figures(counts: dict[str, int]) -> Figures:
    return Figures(
        _tried(counts), counts[Kind.BOUNCE], counts[Kind.DELIVERY], counts[Kind.COMPLAINT]
    )


def _bars(account: Account) -> list[Bar]:
    buckets = statistics.by_interval(_month(account))
    highest = max((_tried(bucket.counts) for bucket in buckets), default=0) or 1
    step = WIDTH / len(buckets)
    return [
        _bar(bucket.start.date(), bucket.counts, index * step, step - GAP, HEIGHT / highest)
        for index, bucket in enumerate(buckets)
    ]


def _tried(counts: dict[str, int]) -> int:
    return counts[Kind.DELIVERY] + counts[Kind.BOUNCE]


def _bar(day: date, counts: dict[str, int], x: float, width: float, scale: float) -> Bar:
    good, bad = counts[Kind.DELIVERY] * scale, counts[Kind.BOUNCE] * scale
    return Bar(
        day, counts[Kind.DELIVERY], counts[Kind.BOUNCE], counts[Kind.COMPLAINT],
        round(x, 1), round(width, 1), round(HEIGHT - good, 1), round(good, 1),
        round(HEIGHT - good - bad, 1), round(bad, 1),
    )  # fmt: skip


def _reasons(account: Account) -> list[tuple[str, int]]:
    bounces = Event.objects.filter(
        account=account, kind=Kind.BOUNCE, is_test=False,
        id__gte=first_id_at(timezone.now() - timedelta(days=DAYS)),
    )  # fmt: skip
    said = bounces.order_by("-id").values_list(
        KeyTextTransform("smtp_code", F("details")),
        KeyTextTransform("enhanced_code", F("details")),
        KeyTextTransform("smtp_response", F("details")),
    )
    return Counter(map(_shown, said[:BOUNCES])).most_common(REASONS)


def _shown(said: Sequence[str | None]) -> str:
    return " ".join(part for part in said if part)[:MAX_SHOWN] or "no reply is known"


def _subjects(account: Account) -> list[str]:
    newest = Message.objects.filter(account=account, is_test=False).order_by("-id")
    return [
        subject[:MAX_SHOWN] or "(no subject)"
        for subject in newest.values_list("subject", flat=True)[:SUBJECTS]
    ]
