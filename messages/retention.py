"""Forget what an account keeps no longer: contents first, then messages and all that is theirs.

Ids are in the order of time, so the oldest come first by an index, and nothing is looked for.
What is deleted is counted in the same statement, so that the books go on adding up. Content that
an open recipient still needs stays, whatever its age.
"""

import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Account
from events.identifiers import first_id_at
from messages.models import ContentsForgotten, Message, Refusal

# Messages in one transaction, so that none is long and no other waits for it.
AT_ONCE = 1000
# Who hands a message in takes its id a moment before the commit: younger ones are left alone.
YOUNGEST = timedelta(minutes=1)

OPEN = """EXISTS (SELECT FROM mail_recipient r
                   WHERE r.message_id = m.id AND r.due_at IS NOT NULL)"""

FORGET_MESSAGES = f"""
WITH old AS MATERIALIZED (
    SELECT m.id, m.is_test FROM mail_message m
     WHERE m.account_id = %(account)s AND m.id < %(before)s AND NOT {OPEN}
     ORDER BY m.id LIMIT %(limit)s
), recipients AS (
    DELETE FROM mail_recipient r USING old WHERE r.message_id = old.id
    RETURNING r.id, (r.accepted_at AT TIME ZONE 'UTC')::date AS day, r.state, old.is_test
), attempts AS (
    DELETE FROM mail_attempt a USING recipients WHERE a.recipient_id = recipients.id
), contents AS (
    DELETE FROM mail_content c USING old WHERE c.message_id = old.id
), reports AS (
    DELETE FROM mail_incomingreport i USING recipients WHERE i.recipient_id = recipients.id
), counted AS (
    INSERT INTO mail_recipientsforgotten AS f (account_id, day, state, count)
    SELECT %(account)s, day, state, count(*) FROM recipients WHERE NOT is_test GROUP BY day, state
    ON CONFLICT (account_id, day, state) DO UPDATE SET count = f.count + EXCLUDED.count
)
DELETE FROM mail_message m USING old WHERE m.id = old.id
"""

FORGET_CONTENTS = f"""
WITH page AS MATERIALIZED (
    SELECT m.id FROM mail_message m
     WHERE m.account_id = %(account)s AND m.id > %(after)s AND m.id < %(before)s
     ORDER BY m.id LIMIT %(limit)s
), contents AS (
    DELETE FROM mail_content c USING page m WHERE c.message_id = m.id AND NOT {OPEN}
)
SELECT id FROM page ORDER BY id DESC LIMIT 1
"""

FORGET_CONTENT = f"""
WITH one AS MATERIALIZED (
    SELECT m.id FROM mail_message m WHERE m.id = %s AND NOT {OPEN}
), reports AS (
    -- A report often brings home what it is about; one that is still to be read is needed.
    UPDATE mail_incomingreport i SET content = NULL FROM mail_recipient r, one
     WHERE i.recipient_id = r.id AND r.message_id = one.id AND i.state <> 'unread'
)
DELETE FROM mail_content c USING one WHERE c.message_id = one.id
"""

OLDEST_OPEN = """
SELECT message_id FROM mail_recipient WHERE account_id = %s AND due_at IS NOT NULL
 ORDER BY message_id LIMIT 1
"""


# Refusals that an account keeps: a program that tries again without end must not fill the disk,
# and who looks what goes wrong looks at the newest.
MOST_REFUSALS = 100_000

REFUSALS = """
DELETE FROM mail_refusal WHERE (refused_at < %s OR id <= %s) AND id IN (
    SELECT id FROM mail_refusal WHERE account_id = %s ORDER BY id LIMIT %s)
"""


def forget(seconds: float) -> None:
    """Delete what is too old, of all accounts, for about so many seconds at the most.

    Accounts come in an order of chance, so that a large one keeps no other from its turn for ever.
    """
    deadline = time.monotonic() + seconds
    for account in Account.objects.order_by("?").iterator():
        forget_contents(account, deadline)
        forget_messages(account, deadline)
        forget_refusals(account, deadline)
        if time.monotonic() > deadline:
            return


def forget_messages(account: Account, deadline: float) -> None:
    """Delete an account's messages of more than `message_days`, with recipients and attempts."""
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                FORGET_MESSAGES,
                {
                    "account": account.pk,
                    "before": first_id_at(_ago(account.message_days)),
                    "limit": AT_ONCE,
                },
            )
            if cursor.rowcount < AT_ONCE:
                return


def forget_refusals(account: Account, deadline: float) -> None:
    """Delete what an account was refused: as old as its messages may become, or too much of it."""
    newest_first = Refusal.objects.filter(account=account).order_by("-id")
    beyond = newest_first.values_list("id", flat=True)[MOST_REFUSALS : MOST_REFUSALS + 1].first()
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            before = _ago(account.message_days)
            cursor.execute(REFUSALS, [before, beyond or 0, account.pk, AT_ONCE])
            if cursor.rowcount < AT_ONCE:
                return


def forget_content(message: Message) -> bool:
    """Delete what one message holds, before its time. False: it is gone, or still needed."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_CONTENT, [message.pk])
        return cursor.rowcount == 1


def forget_contents(account: Account, deadline: float) -> None:
    """Delete an account's contents of more than `content_days` that no open recipient needs."""
    before = first_id_at(_ago(account.content_days))
    progress, _ = ContentsForgotten.objects.get_or_create(account=account)
    after = progress.up_to
    while after < before and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                FORGET_CONTENTS,
                {"account": account.pk, "after": after, "before": before, "limit": AT_ONCE},
            )
            page = cursor.fetchone()
        after = page[0] if page else before
    _note_progress(progress, after)


def _note_progress(progress: ContentsForgotten, after: UUID) -> None:
    """Remember where to go on: no later than the oldest message that was still open."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(OLDEST_OPEN, [progress.account_id])
        oldest = cursor.fetchone()
        # What is needed now is looked at again, and with it all that came after it.
        reached = min(after, UUID(int=oldest[0].int - 1)) if oldest else after
        if reached > progress.up_to:
            progress.up_to = reached
            progress.save(update_fields=["up_to"])


def _ago(days: int) -> datetime:
    return timezone.now() - max(timedelta(days=days), YOUNGEST)
