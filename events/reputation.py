"""Reputation: count what became of an account's mail, and let the ladder and the plan go by it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts import ladder
from accounts.ladder import BURST_BOUNCES, BURST_WINDOW, WINDOW, Figures
from accounts.models import Account
from accounts.volume import Standing
from events.identifiers import first_id_at
from events.models import Event, Kind, Tally

COUNTED = (Kind.DELIVERY, Kind.BOUNCE, Kind.COMPLAINT)
TROUBLE = (Kind.BOUNCE, Kind.COMPLAINT)
# Accounts in whose tallies of the last hours there was trouble may have to go up.
LOOK_BACK = timedelta(hours=2)


def figures(account: Account, since: datetime, until: datetime) -> Figures:
    """Count from the tallies what became of recipients, from one hour to another.

    The hour in which staff have judged counts from that moment on, or the account would be judged
    once more by what they have looked at.
    """
    start, counts = _hour(since), Counter[str]()
    if since == account.judged_since and since != start:
        start += timedelta(hours=1)
        counts.update(_happened(account, since, min(start, until)))
    tallies = Tally.objects.filter(
        account=account, tag="", kind__in=COUNTED, hour__gte=start, hour__lt=until
    )
    counts.update(dict(tallies.values_list("kind").annotate(Sum("count")).order_by()))
    return _figures(counts)


def _happened(account: Account, since: datetime, until: datetime) -> dict[str, int]:
    """Count the events themselves, from one moment to another."""
    events = Event.objects.filter(
        account=account, is_test=False, kind__in=COUNTED,
        id__gte=first_id_at(since), id__lt=first_id_at(until),
    )  # fmt: skip
    return dict(events.values_list("kind").annotate(Count("id")).order_by())


def _figures(counts: Mapping[str, int]) -> Figures:
    delivered, bounced = counts.get(Kind.DELIVERY, 0), counts.get(Kind.BOUNCE, 0)
    return Figures(delivered + bounced, bounced, delivered, counts.get(Kind.COMPLAINT, 0))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def judge_all(now: datetime | None = None) -> None:
    """Move accounts up or down the ladder, those that may have to."""
    now = now or timezone.now()
    for account in _suspects(now):
        judge(account, now)


def judge(account: Account, now: datetime) -> Standing:
    """Move one account up or down the ladder as its mail asks for; return where it stands."""
    since = ladder.window_start(account, WINDOW, now)
    counted = figures(account, since, now)
    return ladder.judge(account.pk, counted, _burst(account, now), now, since)


def _suspects(now: datetime) -> Iterable[Account]:
    troubled = Tally.objects.filter(
        tag="", kind__in=TROUBLE, hour__gte=_hour(now - LOOK_BACK), hour__lte=now
    )
    may_come_down = Q(standing__in=(Standing.NOTICE, Standing.WARNING))
    return Account.objects.filter(may_come_down | Q(pk__in=troubled.values("account")))


def _burst(account: Account, now: datetime) -> Figures:
    """Count the events of the last minutes, where their hours have enough bounces at all."""
    since = ladder.window_start(account, BURST_WINDOW, now)
    if figures(account, since, now).bounced < BURST_BOUNCES:
        return Figures()
    return _figures(_happened(account, since, now))
