"""The end of a day: whether an account goes on to the next stage of its plan, or stays, or not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from accounts import allowance, plan
from accounts.ladder import BOUNCES, COMPLAINTS, Figures
from accounts.models import Account
from accounts.volume import Measure, Standing, VolumeDay
from events import reputation

Decision = VolumeDay.Decision

# Bounces and complaints below which a day was good, and from which the account steps back.
GOOD_BELOW = {Measure.BOUNCES: BOUNCES[Standing.NOTICE], Measure.COMPLAINTS: 0.001}
BACK_FROM = {
    Measure.BOUNCES: BOUNCES[Standing.REVIEW], Measure.COMPLAINTS: COMPLAINTS[Standing.REVIEW],
}  # fmt: skip
NAMES = {Measure.BOUNCES: "Bounces", Measure.COMPLAINTS: "Complaints"}
# So long receivers remember a sender; who was silent longer begins lower.
IDLE_DAYS, IDLE_STAGES = 30, 2
# What happened in the last seconds of a day is written a little later.
SETTLED_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is decided about a day, and why, in words for the customer."""

    decision: Decision
    reason: str


def decide_days(now: datetime | None = None) -> int:
    """Decide all days that are over, each once, however late; return how many."""
    today = ((now or timezone.now()) - SETTLED_AFTER).astimezone(UTC).date()
    undecided = VolumeDay.objects.filter(day__lt=today, decision=Decision.OPEN)
    keys = list(undecided.order_by("day", "account_id").values_list("account_id", "day"))
    for account_id, day in keys:
        decide_day(account_id, day, today)
    _drop_idle(today)
    return len(keys)


def decide_day(account_id: int, day: date, today: date) -> None:
    """Decide one day of an account that is over, once; what follows holds from `today` on."""
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
        row = VolumeDay.objects.filter(account_id=account_id, day=day, decision="").first()
        if account is None or row is None:
            return  # it is gone, or somebody else was faster
        start = datetime.combine(day, time(), UTC)
        counted = reputation.figures(account, start, start + timedelta(days=1))
        outcome = judge_day(account, row, counted)
        row.decision, row.reason = outcome.decision, outcome.reason
        row.save(update_fields=["decision", "reason"])
        if move := {Decision.ADVANCED: 1, Decision.STEPPED_BACK: -1}.get(outcome.decision):
            account.stage = max(account.stage + move, 0)
            allowance.reckon(account, today)


def judge_day(account: Account, day: VolumeDay, figures: Figures) -> Outcome:
    """Hold a day against the rules of the plan, the worst first."""
    for rule in RULES:
        if outcome := rule(account, day, figures):
            return outcome
    return Outcome(
        Decision.ADVANCED,
        f"{day.used:,} of {day.allowance:,} used, and the mail was good",
    )


def _held_while_paused(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    if account.standing != Standing.PAUSED:
        return None
    return Outcome(Decision.HELD, "Sending is paused")


def _stepped_back_for_rates(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    for measure, limit in BACK_FROM.items():
        if figures.is_enough(measure) and figures.rate(measure) >= limit:
            return Outcome(Decision.STEPPED_BACK, _rate(measure, figures, limit))
    return None


def _held_for_standing(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    if account.standing == Standing.GOOD:
        return None
    label = Standing(account.standing).label
    return Outcome(Decision.HELD, f"The account stands at {label} for the mail of seven days")


def _held_for_rates(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    for measure, limit in GOOD_BELOW.items():
        if figures.rate(measure) >= limit:
            return Outcome(Decision.HELD, _rate(measure, figures, limit))
    return None


def _held_for_use(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    if day.used * 2 >= account.allowance:
        return None
    return Outcome(Decision.HELD, f"Less than half was used: {day.used:,} of {account.allowance:,}")


def _at_ceiling(account: Account, day: VolumeDay, figures: Figures) -> Outcome | None:
    if plan.amount(account.stage) < account.ceiling:
        return None
    return Outcome(Decision.CEILING, f"{account.ceiling:,} is all that is approved")


Rule = Callable[[Account, VolumeDay, Figures], Outcome | None]
RULES: tuple[Rule, ...] = (
    _held_while_paused, _stepped_back_for_rates, _held_for_standing, _held_for_rates,
    _held_for_use, _at_ceiling,
)  # fmt: skip


def _rate(measure: Measure, figures: Figures, limit: float) -> str:
    count, out_of = figures.count_of(measure)
    return (
        f"{NAMES[measure]} were {100 * figures.rate(measure):.2f} %"
        f" ({count:,} of {out_of:,}); the limit is {100 * limit:g} %"
    )


def _drop_idle(today: date) -> None:
    """Put who has sent nothing for long two stages lower, once each time."""
    silent = Account.objects.filter(stage__gt=0).annotate(
        last=Max("volume_days__day", filter=Q(volume_days__used__gt=0)),
        lowered=Max("volume_days__day", filter=Q(volume_days__decision=Decision.IDLE)),
    )
    silent = silent.filter(
        Q(lowered=None) | Q(lowered__lt=F("last")), last__lt=today - timedelta(days=IDLE_DAYS)
    )
    for account_id in silent.values_list("pk", flat=True):
        with transaction.atomic():
            account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
            _, is_new = VolumeDay.objects.get_or_create(
                account=account,
                day=today - timedelta(days=1),
                defaults={
                    "allowance": account.allowance,
                    "decision": Decision.IDLE,
                    "reason": f"No mail for {IDLE_DAYS} days",
                },
            )
            if is_new:
                account.stage = max(account.stage - IDLE_STAGES, 0)
                allowance.reckon(account, today)
