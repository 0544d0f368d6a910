"""Fill the demo account with a plausible month: mail, its fates, and what stands around it.

The same random numbers each time, so that pictures of it look alike. Written by COPY, with the
tallies and ids that the doors and the workers would have made: the ledger adds up.
"""

from collections.abc import Callable
from datetime import date, timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import Account, Credential
from cloudmta.demo_history import company, mail, surroundings, writing
from cloudmta.demo_history.writing import Month
from events import tallies
from events.identifiers import first_id_at
from messages.models import Content, ContentsForgotten, Message

MESSAGES_A_DAY = 700
# A message's content is looked at one at a time, so only the newest have theirs.
WITH_CONTENT = 500
ANALYSED = ("mail_message", "mail_recipient", "mail_attempt", "events_event", "events_tally",
            "events_domaintally", "events_deliverytime")  # fmt: skip


class HasHistory(Exception):
    """The account has mail of earlier days already: two months at once would fit nowhere."""


def fill(
    account: Account, credential: Credential, domain: str, days: int, messages: int,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Write so many messages of so many days until now. Raises HasHistory."""
    now = timezone.now()
    start = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    if Message.objects.filter(
        account=account, id__lt=first_id_at(now - timedelta(days=1))
    ).exists():
        raise HasHistory
    share = timedelta(days=days) * min(WITH_CONTENT / messages, 1.0)
    month = Month(account, credential, domain, now, with_content_from=now - share)
    used: dict[date, int] = {}
    for letters in mail.days(now, days, messages, month.suppressed):
        writing.write_day(month, letters)
        day = start.date() + timedelta(days=len(used))
        used[day] = month.attempted
        tell(f"{day}: {len(letters):,} messages")
    writing.suppressions(month)
    surroundings.volume(account, used)
    surroundings.refusals(month, start)
    surroundings.posts(month)
    company.people(account, credential, domain, now)
    company.questions(account, now)
    # As housekeeping would have done hour by hour.
    tallies.fold(account.pk, start, now - tallies.FOLD_AFTER)
    _finish(account)


def _finish(account: Account) -> None:
    oldest = Content.objects.filter(message__account=account).order_by("message_id").first()
    if oldest:
        ContentsForgotten.objects.update_or_create(account=account, defaults={"up_to": oldest.pk})
    with connection.cursor() as cursor:
        # Or plans would be made for empty tables until autovacuum comes by.
        cursor.execute(f"ANALYZE {', '.join(ANALYSED)}")
