"""A month of an account's life in a second: the real rules over made-up mail, and a moved clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction

from accounts.ladder import WINDOW
from accounts.message_class import MessageClass
from accounts.models import Account
from accounts.volume import Measure, Standing, VolumeDay
from events import ramp_up, reputation
from events.models import Kind
from events.tallies import Sums

# A customer in a hurry: all that the day allows is sent, an equal part each hour.
HOURS = 24
BEGIN = date(2026, 11, 1)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day."""

    number: int
    allowance: int  # recipients, in the morning
    sent: int
    bounced: int
    rate: float  # of bounces in the seven days until its end
    standing: Standing  # at its end
    steps: list[str]  # on the ladder, with the hour
    mails: list[str]  # to the owners about them, by subject
    decision: str
    reason: str


def simulate(bounce_rate: float, days: int, ceiling: int, good_days: int = 0) -> list[Day]:
    """Return the days of a new account of whose mail such a part bounces. Leaves nothing behind.

    On the first `good_days` nothing bounces.
    """
    with transaction.atomic():
        account = Account.objects.create(name="Simulated", ceiling=ceiling)
        lived = list(_live(account, [0.0] * good_days + [bounce_rate] * days, days))
        transaction.set_rollback(True)
    return lived


def _live(account: Account, rates: list[float], days: int) -> Iterator[Day]:
    due = 0.0  # the part of a bounce that is over
    for number, rate in enumerate(rates[:days], 1):
        day = BEGIN + timedelta(days=number - 1)
        allowance, bounced = account.allowance, 0
        VolumeDay.objects.create(account=account, day=day, allowance=allowance)
        for hour in range(HOURS):
            now = datetime.combine(day, time(hour, 59), UTC)
            sent = _send(account, day, hour)
            due += sent * rate
            bounces = int(due)
            due, bounced = due - bounces, bounced + bounces
            _count(account, now, sent, bounces)
            reputation.judge(account, now)
            account.refresh_from_db()
        yield _end_of_day(account, number, day, allowance, bounced)


def _send(account: Account, day: date, hour: int) -> int:
    """Send the hour's part of what is left of the day; nothing where standard mail is stopped."""
    row = VolumeDay.objects.get(account=account, day=day)
    if account.standing == Standing.PAUSED:
        return 0
    sent = max(row.allowance - row.used, 0) // (HOURS - hour)
    row.used += sent
    row.save(update_fields=["used"])
    return sent


def _count(account: Account, now: datetime, sent: int, bounced: int) -> None:
    """Write the tallies that delivery would write."""
    sums = Sums()
    for kind, amount in ((Kind.DELIVERY, sent - bounced), (Kind.BOUNCE, bounced)):
        destinations = ["example.net"] * amount
        sums.add(kind, account.pk, now, MessageClass.STANDARD, (), "shop.example", destinations)
    sums.write()


def _end_of_day(account: Account, number: int, day: date, allowance: int, bounced: int) -> Day:
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC)
    figures = reputation.figures(account, midnight - WINDOW, midnight)
    steps = account.standing_changes.filter(at__gte=midnight - timedelta(days=1)).order_by("id")
    standing = Standing(account.standing)
    ramp_up.decide_day(account.pk, day, midnight.date())
    account.refresh_from_db()
    row = VolumeDay.objects.get(account=account, day=day)
    return Day(
        number, allowance, row.used, bounced, figures.rate(Measure.BOUNCES), standing,
        [f"{step.at:%H:%M} {step}" for step in steps], _mails(account, midnight),
        row.decision, row.reason,
    )  # fmt: skip


def _mails(account: Account, midnight: datetime) -> list[str]:
    """Return what the owners were mailed on the day that has ended."""
    told = account.notices.filter(
        created_at__range=(midnight - timedelta(days=1), midnight), due_at__isnull=False
    )
    return list(told.order_by("id").values_list("subject", flat=True))
