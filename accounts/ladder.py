"""The ladder: what an account's bounces and complaints lead to, and how it comes down again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import allowance, notices, staff_notices
from accounts.models import Account, User
from accounts.volume import Measure, Standing, StandingChange, VolumeDay

# Rates from which an account stands on a rung: bounces of the attempted, complaints of the
# delivered recipients.
BOUNCES = {
    Standing.NOTICE: 0.02, Standing.WARNING: 0.04, Standing.REVIEW: 0.05, Standing.PAUSED: 0.10,
}  # fmt: skip
COMPLAINTS = {
    Standing.NOTICE: 0.0005, Standing.WARNING: 0.001, Standing.REVIEW: 0.003,
    Standing.PAUSED: 0.005,
}  # fmt: skip
WINDOW = timedelta(days=7)
# Fewer say nothing: one bounce of ten is no habit.
MIN_RECIPIENTS, MIN_EVENTS = 100, 5
# Somebody works off a bought list just now: so many bounces in so short a time pause at once.
BURST_WINDOW, BURST_BOUNCES, BURST_RATE = timedelta(minutes=10), 50, 0.20
# A rung is left only when the rate is well below it, or an account would go up and down all day.
# Review and pause are left by staff alone.
DOWN_BELOW = 0.8
BY_STAFF_ONLY = (Standing.REVIEW, Standing.PAUSED)
DECIDE_WITHIN = timedelta(hours=48)  # as the account is told


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of the recipients of an account in a while."""

    attempted: int = 0  # delivered or bounced; whom we did not try, or still try, is not counted
    bounced: int = 0
    delivered: int = 0
    complained: int = 0

    def count_of(self, measure: Measure) -> tuple[int, int]:
        """Return how many went wrong, and out of how many."""
        if measure is Measure.COMPLAINTS:
            return self.complained, self.delivered
        return self.bounced, self.attempted

    def rate(self, measure: Measure) -> float:
        count, out_of = self.count_of(measure)
        return count / out_of if out_of else 0.0

    def is_enough(self, measure: Measure) -> bool:
        """Whether there are enough to say something."""
        count, out_of = self.count_of(measure)
        return out_of >= MIN_RECIPIENTS and count >= MIN_EVENTS


@dataclass(frozen=True, slots=True)
class Finding:
    """A rung that figures reach, and by what."""

    standing: Standing
    measure: Measure
    count: int
    out_of: int
    threshold: float
    since: datetime


def find(figures: Figures, since: datetime, scale: float = 1.0) -> Finding | None:
    """Return the highest rung that the figures of a window reach, None where they reach none."""
    found = [
        Finding(standing, measure, *figures.count_of(measure), threshold, since)
        for measure, thresholds in ((Measure.BOUNCES, BOUNCES), (Measure.COMPLAINTS, COMPLAINTS))
        if figures.is_enough(measure)
        for standing, threshold in thresholds.items()
        if figures.rate(measure) >= threshold * scale
    ]
    return max(found, key=lambda one: one.standing, default=None)


def find_burst(figures: Figures, since: datetime) -> Finding | None:
    """Return the pause that follows from the bounces of some minutes, if it does."""
    count, out_of = figures.count_of(Measure.BOUNCES)
    if count >= BURST_BOUNCES and count > BURST_RATE * out_of:
        return Finding(Standing.PAUSED, Measure.BURST, count, out_of, BURST_RATE, since)
    return None


def window_start(account: Account, window: timedelta, now: datetime) -> datetime:
    """Return from when on mail counts against an account."""
    return max(now - window, account.judged_since or now - window)


def judge(
    account_id: int, figures: Figures, burst: Figures, now: datetime, since: datetime
) -> Standing:
    """Move an account up or down the ladder as its figures ask for; return where it stands.

    `figures` are those of the window, counted from `since` on, `burst` those of the last minutes.
    """
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
        before = Standing(account.standing)
        if window_start(account, WINDOW, now) != since:
            return before  # staff have judged meanwhile, and what was counted counts no more
        found = find_burst(burst, window_start(account, BURST_WINDOW, now)) or find(figures, since)
        if found and found.standing > before:
            _go_up(account, found, now)
        elif before not in (Standing.GOOD, *BY_STAFF_ONLY):
            _come_down(account, figures, since, now)
        return Standing(account.standing)


def _go_up(account: Account, found: Finding, now: datetime) -> None:
    change = StandingChange(
        account=account, at=now, before=account.standing, after=found.standing,
        measure=found.measure, count=found.count, out_of=found.out_of,
        threshold=found.threshold, since=found.since,
    )  # fmt: skip
    if account.standing < Standing.REVIEW <= found.standing:
        _step_back(account, now)
    account.standing = found.standing
    allowance.reckon(account, now.date())
    change.save()
    notices.tell_of_step(change)
    if found.standing in BY_STAFF_ONLY:
        staff_notices.tell_of_standing(change, now + DECIDE_WITHIN)


def _step_back(account: Account, now: datetime) -> None:
    account.stage = max(account.stage - 1, 0)
    # The end of the day does not step back again for the same mail.
    account.volume_days.filter(day=now.date(), decision="").update(
        decision=VolumeDay.Decision.STEPPED_BACK, reason="The account came under review"
    )


def _come_down(account: Account, figures: Figures, since: datetime, now: datetime) -> None:
    """Go down to the rung of which the figures are not well below yet."""
    low = find(figures, since, DOWN_BELOW)
    after = low.standing if low else Standing.GOOD
    if after >= account.standing:
        return
    change = StandingChange(
        account=account, at=now, before=account.standing, after=after,
        measure=low.measure if low else Measure.BOUNCES,
        count=low.count if low else figures.bounced,
        out_of=low.out_of if low else figures.attempted, since=since,
    )  # fmt: skip
    account.standing = after
    allowance.reckon(account, now.date())
    change.save()


def move_by_staff(account_id: int, standing: Standing, user: User, note: str) -> bool:
    """Pause an account, or put it back in good standing; staff say why. False: it stands there.

    What was counted against it until now counts no more; its stage stays as it is.
    """
    now = timezone.now()
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
        if account.standing == standing:
            return False
        change = StandingChange(
            account=account, at=now, before=account.standing, after=standing,
            measure=Measure.STAFF, who=user.email, note=note,
        )  # fmt: skip
        account.standing, account.judged_since = standing, now
        allowance.reckon(account, now.date())
        change.save()
        notices.tell_of_step(change)
        return True
