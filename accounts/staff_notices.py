"""Tell staff by mail what waits for them, once a matter."""

import logging
from collections.abc import Iterable
from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.mail import send_mail
from django.urls import reverse

from accounts import allowance, notices
from accounts.threads import ThreadEntry
from accounts.volume import RampUpRequest, StaffNotice, Standing, StandingChange

logger = logging.getLogger(__name__)

# What stands before the link to where staff act.
DECIDE = "The evidence, and the decision"


def tell_of_request(request: RampUpRequest) -> None:
    """Tell of a request for more volume; whoever asks again on the same day is told of once."""
    _tell(
        f"request {request.account_id} {allowance.today()}",
        f"{request.account} asks for {request.amount:,} recipients a day",
        f"The ceiling is {request.before:,} now. What mail it is:\n\n{request.purpose}\n\n"
        f"Where the addresses come from:\n\n{request.sources}",
        reverse("admin:accounts_rampuprequest_change", args=[request.pk]),
    )


def tell_of_standing(change: StandingChange, decide_by: datetime) -> None:
    """Tell of an account that came under review, or was paused."""
    word = "under review" if change.after == Standing.REVIEW else "paused"
    _tell(
        f"standing {change.pk}",
        f"{change.account} is {word}",
        f"{notices.text_of_step(change)}\n\nThis is what the account is told. It waits for your"
        f" decision, by {decide_by:%d %B %Y, %H:%M} UTC.",
        reverse("admin:accounts_standingchange_change", args=[change.pk]),
    )


def tell_of_question(entry: ThreadEntry) -> None:
    """Tell of what a customer wrote on the page Contact."""
    thread = entry.thread
    _tell(
        f"question {entry.pk}",
        f"{thread.account} asks: {thread}",
        entry.text,
        reverse("admin:accounts_thread_change", args=[thread.pk]),
        "Answer it",
    )


def _tell(matter: str, subject: str, text: str, path: str, link: str = DECIDE) -> None:
    text = f"{text}\n\n{link}: {settings.DASHBOARD_URL}{path}\n"
    # A header has one line, whatever an account is called.
    subject = " ".join(subject.split())[:200]
    notice = StaffNotice(matter=matter, subject=subject, text=text)
    # Of two that tell of the same matter, one is enough.
    StaffNotice.objects.bulk_create([notice], ignore_conflicts=True)


def send_due() -> int:
    """Send what is due to each of the staff; return how many notices were sent."""
    return sum(map(_send, notices.claim(StaffNotice.objects.all())))


def addresses() -> Iterable[str]:
    """Return whom staff's mail goes to."""
    if settings.STAFF_EMAIL:
        return list(settings.STAFF_EMAIL)
    who = ModelBackend().with_perm("accounts.approve_rampup")
    return sorted(who.filter(is_staff=True).values_list("email", flat=True))


def _send(notice: StaffNotice) -> bool:
    try:
        for address in addresses():
            send_mail(notice.subject, notice.text, None, [address])
    except (OSError, SMTPException) as error:
        logger.warning("Staff could not be told of %s: %s", notice.matter, error)
        return False
    StaffNotice.objects.filter(pk=notice.pk).update(due_at=None)
    return True
