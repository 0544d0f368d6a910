"""Customers write to staff, and staff answer: each entry is a row, and a mail to the other side."""

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import mail, staff_notices
from accounts.models import Account, Thread, ThreadEntry, User

logger = logging.getLogger(__name__)

State = Thread.State

MAX_TEXT = 5_000  # characters
# So many entries an account may write in an hour; each is a mail to staff.
MOST, WINDOW = 10, timedelta(hours=1)


class TooMuch(Exception):
    """The account has written as much as it may for now; the text is a sentence for the page."""


class Overtaken(Exception):
    """The customer wrote something that whoever answers has not seen."""


@transaction.atomic
def ask(account: Account, user: User, subject: str, text: str) -> Thread:
    """Open a thread. Raises TooMuch."""
    _limit(account)
    thread = Thread.objects.create(account=account, subject=subject)
    staff_notices.tell_of_question(_say(thread, user, text, state=State.WAITING))
    return thread


@transaction.atomic
def reply(thread: Thread, user: User, text: str) -> None:
    """Add what a customer says; a thread that was closed is open again. Raises TooMuch."""
    _limit(thread.account)
    staff_notices.tell_of_question(_say(_locked(thread), user, text, state=State.WAITING))


@transaction.atomic
def answer(thread: Thread, staff: User, text: str, *, seen: int, closes: bool = False) -> None:
    """Add what staff say. Raises Overtaken where the customer wrote after the entry `seen`."""
    locked = _locked(thread)
    _require_seen(locked, seen)
    state = State.CLOSED if closes else State.ANSWERED
    _say(locked, staff, text, state=state, is_staff=True)


@transaction.atomic
def close(thread: Thread, *, seen: int) -> None:
    """End a thread without another word. Raises Overtaken."""
    locked = _locked(thread)
    _require_seen(locked, seen)
    Thread.objects.filter(pk=locked.pk).update(state=State.CLOSED)


def _limit(account: Account) -> None:
    # Requests at the same time must not all find room for one more.
    Account.objects.select_for_update().get(pk=account.pk)
    since = timezone.now() - WINDOW
    recent = ThreadEntry.objects.filter(
        thread__account=account, is_staff=False, created_at__gt=since
    )
    if recent.count() >= MOST:
        raise TooMuch(
            f"Your account has written {MOST} times within an hour. Wait a while, then send this."
        )


def _locked(thread: Thread) -> Thread:
    return Thread.objects.select_for_update().select_related(None).get(pk=thread.pk)


def _require_seen(thread: Thread, seen: int) -> None:
    if thread.entries.filter(is_staff=False, pk__gt=seen).exists():
        raise Overtaken


def _say(
    thread: Thread, user: User, text: str, *, state: Thread.State, is_staff: bool = False
) -> ThreadEntry:
    entry = ThreadEntry.objects.create(
        thread=thread, user=user, who=user.email, is_staff=is_staff, text=text
    )
    Thread.objects.filter(pk=thread.pk).update(state=state, last_at=entry.created_at)
    return entry


def tell_customer(thread: Thread, text: str) -> bool:
    """Write to those who wrote in a thread and are members still. False: it could not be sent."""
    members = User.objects.filter(
        is_active=True,
        accounts=thread.account_id,
        pk__in=thread.entries.filter(is_staff=False).values("user"),
    )
    url = settings.DASHBOARD_URL + reverse("contact-thread", args=[thread.pk])
    context = {"thread": thread, "account": thread.account, "text": text, "url": url}
    try:
        # One mail each: nobody learns from it who else asked.
        for member in members:
            mail.send(member.email, "accounts/email/contact_answer", context)
    except (OSError, SMTPException) as error:
        # What was said stands on the page all the same.
        logger.warning("The answer in thread %s could not be mailed: %s", thread.pk, error)
        return False
    return True
