"""The allowance: how many recipients an account may send to in one UTC day.

A recipient counts once, at its first attempt, and is taken out of the allowance by the statement
that claims it. So the day's row is the one place where all workers meet, and no account gets more
than it may, however many they are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import connection
from django.db.models import F, Value
from django.utils import timezone

from accounts import changes, plan
from accounts.message_class import MessageClass
from accounts.models import Account
from accounts.volume import Standing, VolumeDay

# Percent of the allowance that a class may use up: the last 10 are kept for priority, and the
# last 30 are closed to digest, so that what somebody waits for never waits for newsletters.
SHARE = {MessageClass.PRIORITY: 100, MessageClass.STANDARD: 90, MessageClass.DIGEST: 70}

# The standing from which a class is not sent at all; priority never stops but by suspension.
STOPPED_FROM = {
    MessageClass.PRIORITY: max(Standing) + 1,
    MessageClass.STANDARD: Standing.PAUSED,
    MessageClass.DIGEST: Standing.WARNING,
}

# While an account is paused, its priority mail may use such a part of the allowance.
TRICKLE = 0.1

# So many days' allowance may be held; then the doors put off what comes.
MAX_HELD_DAYS = 2

TODAY = "(now() AT TIME ZONE 'UTC')::date"
TOMORROW = f"(({TODAY} + 1) AT TIME ZONE 'UTC')"

# A part of the statement that claims. `asked` holds one row for each account: `account_id`,
# `allowance` and the `number` of recipients that are to be tried for the first time. Gives what
# each is granted, 0 to number. In the order of accounts, so that two claims cannot deadlock.
TAKE = f"""
    INSERT INTO accounts_volumeday AS d (account_id, day, allowance, used, granted)
    SELECT account_id, {TODAY}, allowance, granted, granted FROM (
        SELECT account_id, allowance,
               least(number, allowance::bigint * %(share)s / 100) AS granted
          FROM asked ORDER BY account_id) fresh
    ON CONFLICT (account_id, day) DO UPDATE
       SET granted = greatest(
               least(EXCLUDED.granted, d.allowance::bigint * %(share)s / 100 - d.used), 0),
           used = d.used + greatest(
               least(EXCLUDED.granted, d.allowance::bigint * %(share)s / 100 - d.used), 0)
    RETURNING account_id, allowance, granted
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """Where an account stands on this day, in recipients."""

    allowance: int
    used: int = 0
    held: int = 0  # as of some seconds ago
    standing: Standing = Standing.GOOD

    def __str__(self) -> str:
        return f"{self.used:,} / {self.allowance:,}"

    @property
    def remaining(self) -> int:
        return max(self.allowance - self.used, 0)

    @property
    def is_full(self) -> bool:
        """Whether so much is held that no more may come in."""
        return self.held > MAX_HELD_DAYS * self.allowance

    @property
    def headers(self) -> dict[str, str]:
        """What every answer of the REST API says of it."""
        return {
            "X-CloudMTA-Volume-Limit": str(self.allowance),
            "X-CloudMTA-Volume-Remaining": str(self.remaining),
            "X-CloudMTA-Volume-Reset": str(seconds_to_reset()),
        }


def usage(account: Account) -> Usage:
    """Return where an account stands; asks the database only where it was read without its day."""
    day = account.today or VolumeDay.objects.filter(account=account, day=today()).first()
    day = day or VolumeDay(allowance=account.allowance)
    return Usage(
        allowance=day.allowance,
        used=day.used,
        held=account.held,
        standing=Standing(account.standing),
    )


def today() -> date:
    """Return the day that is counted now: that of UTC."""
    return timezone.now().astimezone(UTC).date()


def resets_at() -> datetime:
    """Return when the allowance is whole again."""
    return datetime.combine(today() + timedelta(days=1), time(), UTC)


def seconds_to_reset() -> int:
    return math.ceil((resets_at() - timezone.now()).total_seconds())


def is_stopped(message_class: MessageClass, standing: Standing) -> bool:
    """Say whether an account of a standing may not send mail of a class."""
    return standing >= STOPPED_FROM[message_class]


def give_back(amounts: Mapping[int, int]) -> None:
    """Return to accounts, by id, what was taken for recipients who are not tried after all."""
    with connection.cursor() as cursor:
        for account_id in sorted(amounts):  # in one order, as claims lock them
            cursor.execute(
                "UPDATE accounts_volumeday SET used = greatest(used - %s, 0)"
                f" WHERE account_id = %s AND day = {TODAY}",
                [amounts[account_id], account_id],
            )


def reckon(account: Account, day: date | None = None) -> None:
    """Set the allowance to what stage, ceiling and standing make it, from this moment on.

    Saves the account, whose row the caller has locked. Who is paused gets a tenth beside what was
    used on the day (today), or the priority mail of this day would wait for the next.
    """
    account.allowance = min(plan.amount(account.stage), account.ceiling)
    if account.standing == Standing.PAUSED:
        account.allowance = int(account.allowance * TRICKLE)
    account.save(update_fields=["stage", "ceiling", "standing", "judged_since", "allowance"])
    used = F("used") if account.standing == Standing.PAUSED else Value(0)
    VolumeDay.objects.filter(account=account, day=day or today()).update(
        allowance=used + Value(account.allowance)
    )
    changes.announce(account.pk)
