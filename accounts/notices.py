"""Tell an account something: on its pages at once, to those in charge by mail soon after.

What is to be told is a row, written with the fact; a mail server that is away delays it, and loses
nothing.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import TypeVar

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import allowance
from accounts.message_class import MessageClass
from accounts.models import Account, Membership
from accounts.volume import Measure, Notice, StaffNotice, Standing, StandingChange, VolumeDay

logger = logging.getLogger(__name__)

Kind = Notice.Kind
Told = TypeVar("Told", Notice, StaffNotice)

# A mail of a step on the ladder is not followed by another so soon; pauses are told at once.
QUIET = timedelta(days=1)
# How long a mail that could not be sent waits for another try; notices of one turn.
AGAIN, AT_ONCE = timedelta(minutes=5), 100

Role = Membership.Role
WHO_IS_TOLD = dict.fromkeys(Kind, (Role.OWNER,)) | {
    Kind.DOMAIN: (Role.OWNER, Role.ADMIN)  # those who can mend it
}

WHAT_FOLLOWS = {
    Standing.GOOD: "Nothing is held back any more, and your volume grows again.",
    Standing.NOTICE: "Your daily volume does not grow until the rate has fallen.",
    Standing.WARNING: "Mail of the class digest is stopped, and your daily volume does not grow,"
    " until the rate has fallen.",
    Standing.REVIEW: "Your daily volume is one stage lower, and mail of the class digest is"
    " stopped. Our staff look at the account within 48 hours.",
    Standing.PAUSED: "Mail of the classes standard and digest is stopped. Priority mail goes on,"
    " up to a tenth of your volume. Our staff must look at the account before it goes on.",
}
WHAT_TO_DO = {
    Measure.BOUNCES: "Look at the latest bounces under Messages, and take addresses that do not"
    " exist off your lists. Confirm addresses before you write to them.",
    Measure.COMPLAINTS: "Write only to people who expect it, and let them stop it easily.",
}
WHAT_TO_DO[Measure.BURST] = WHAT_TO_DO[Measure.BOUNCES]


def tell_of_step(change: StandingChange) -> None:
    """Tell an account of a step on the ladder, in the transaction of the step."""
    standing = Standing(change.after)
    kind = Kind.LADDER
    if standing == Standing.PAUSED:
        kind = Kind.PAUSE
    elif change.who:
        kind = Kind.STAFF
    tell(change.account, kind, _subject(standing), text_of_step(change), change.at)


def _subject(standing: Standing) -> str:
    if standing == Standing.GOOD:
        return "Your account is in good standing again"
    if standing == Standing.PAUSED:
        return "Sending is paused"
    return f"Your sending reputation: {standing.label}"


def text_of_step(change: StandingChange) -> str:
    """Return why an account stands where it does, with the figures, and what comes next."""
    parts = [_why(change), WHAT_FOLLOWS[Standing(change.after)]]
    if advice := WHAT_TO_DO.get(Measure(change.measure)):
        parts.append(advice)
    return "\n\n".join(parts)


def _why(change: StandingChange) -> str:
    if change.measure == Measure.STAFF:
        return f"Our staff say: {change.note}"
    noun = "complaints" if change.measure == Measure.COMPLAINTS else "bounces"
    verb = "delivered" if change.measure == Measure.COMPLAINTS else "tried"
    since = f"{change.since:%d %B %Y, %H:%M} UTC" if change.since else "the beginning"
    rate = 100 * (change.rate or 0)
    limit = f" The limit is {100 * change.threshold:g} %." if change.threshold else ""
    return (
        f"{change.count:,} {noun} of {change.out_of:,} recipients {verb} since {since}:"
        f" {rate:.2f} %.{limit}"
    )


def tell_of_usage() -> None:
    """Tell accounts that have used most of this day's allowance, or all of it, once each."""
    day = allowance.today()
    nearly = VolumeDay.objects.filter(day=day, used__gte=F("allowance") * 0.8, told__lt=100)
    for row in nearly.select_related("account"):
        share = allowance.SHARE[MessageClass.STANDARD]
        level = 100 if row.used * 100 >= row.allowance * share else 80
        # Guarded: of two that see it, one tells.
        if VolumeDay.objects.filter(pk=row.pk, told__lt=level).update(told=level):
            tell(row.account, Kind.USAGE, *_usage_words(row, level))


def _usage_words(day: VolumeDay, level: int) -> tuple[str, str]:
    used = f"{day.used:,} of {day.allowance:,} recipients"
    if level == 80:
        return (
            "80 % of today's volume is used",
            f"{used} are used. What goes beyond is taken, and held until 00:00 UTC.",
        )
    return (
        "Today's volume is used up",
        f"{used} are used, and what is left is kept for priority mail. Everything else is taken,"
        f" and held until 00:00 UTC; {day.account.held:,} recipients wait now. Under Volume you"
        " can ask for more.",
    )


def tell(account: Account, kind: Kind, subject: str, text: str, at: datetime | None = None) -> None:
    """Write down what an account is to be told, in the transaction of the fact; `at` is now."""
    now = at or timezone.now()
    is_quiet = (
        kind == Kind.LADDER
        and Notice.objects.filter(account=account, kind=kind, created_at__gt=now - QUIET).exists()
    )
    # It stands on the pages in any case.
    Notice.objects.create(
        account=account, kind=kind, subject=subject, text=text, created_at=now,
        due_at=None if is_quiet else now,
    )  # fmt: skip


def send_due() -> int:
    """Send what is due to those in charge of each account; return how many notices were sent."""
    return sum(map(_send, claim(Notice.objects.select_related("account"))))


def claim(told: QuerySet[Told]) -> list[Told]:
    """Take what is due, so that nobody else sends it; each is due again unless it is sent."""
    now = timezone.now()
    with transaction.atomic():
        due = told.filter(due_at__lte=now).order_by("due_at")
        claimed = list(due.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        told.filter(pk__in=[one.pk for one in claimed]).update(due_at=now + AGAIN)
    return claimed


def _send(notice: Notice) -> bool:
    told = Membership.objects.filter(
        account=notice.account, role__in=WHO_IS_TOLD[Kind(notice.kind)], user__is_active=True
    )
    text = f"Account: {notice.account.name}\n\n{notice.text}\n"
    try:
        # One mail each: who belongs to an account is not told to mail servers in one breath.
        for address in told.values_list("user__email", flat=True):
            send_mail(notice.subject, text, None, [address])
    except (OSError, SMTPException) as error:
        logger.warning("The notice %s could not be sent: %s", notice.pk, error)
        return False
    Notice.objects.filter(pk=notice.pk).update(due_at=None)
    return True
