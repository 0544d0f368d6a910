"""Take away all that a closed account held, so that nothing of it is left."""

import logging
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Account

logger = logging.getLogger(__name__)

# By then no door remembers its credentials any more.
AFTER = timedelta(minutes=1)

IN_HAND = """
SELECT EXISTS (SELECT FROM mail_recipient r JOIN mail_message m ON m.id = r.message_id
                WHERE m.account_id = %s AND r.lease IS NOT NULL)
"""
# What grows with the mail, from the leaves to the root. The ORM would read each row of it first.
STATEMENTS = (
    """DELETE FROM mail_attempt a USING mail_recipient r, mail_message m
        WHERE a.recipient_id = r.id AND r.message_id = m.id AND m.account_id = %s""",
    """DELETE FROM mail_incomingreport i USING mail_recipient r, mail_message m
        WHERE i.recipient_id = r.id AND r.message_id = m.id AND m.account_id = %s""",
    """DELETE FROM mail_recipient r USING mail_message m
        WHERE r.message_id = m.id AND m.account_id = %s""",
    """DELETE FROM mail_content c USING mail_message m
        WHERE c.message_id = m.id AND m.account_id = %s""",
    "DELETE FROM mail_message WHERE account_id = %s",
    "DELETE FROM events_event WHERE account_id = %s",
    "DELETE FROM events_tally WHERE account_id = %s",
    "DELETE FROM events_domaintally WHERE account_id = %s",
    "DELETE FROM events_deliverytime WHERE account_id = %s",
)


def bury_all() -> int:
    """Take away the accounts that were closed a minute ago or longer; return how many.

    Where a worker has a recipient in hand, the account waits for the next turn.
    """
    closed = Account.objects.filter(closed_at__lt=timezone.now() - AFTER)
    return sum(_bury(account) for account in closed)


def _bury(account: Account) -> bool:
    # One transaction: at no moment do the books show a part of it.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(IN_HAND, [account.pk])
        (is_in_hand,) = cursor.fetchone()
        if is_in_hand:
            return False
        for statement in STATEMENTS:
            cursor.execute(statement, [account.pk])
        name = account.public_id
        account.delete()
    logger.info("The closed account %s is gone", name)
    return True
