"""Forget events that an account keeps no longer, and count them so that the books add up."""

import time
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import Account
from events.identifiers import first_id_at

# Events in one transaction, so that none is long.
AT_ONCE = 5000

FORGET = """
WITH old AS MATERIALIZED (
    SELECT id FROM events_event WHERE account_id = %(account)s AND id < %(before)s
     ORDER BY id LIMIT %(limit)s
), gone AS (
    DELETE FROM events_event e USING old WHERE e.id = old.id
    RETURNING e.kind, e.is_test, e.details ->> 'is_first' = 'true' AS is_first
), counted AS (
    INSERT INTO events_eventsforgotten AS f (account_id, kind, count)
    SELECT %(account)s, tallied.kind, count(*) FROM gone, LATERAL (
        SELECT gone.kind UNION ALL SELECT 'unique_' || gone.kind WHERE gone.is_first
    ) tallied(kind) WHERE NOT is_test GROUP BY tallied.kind
    ON CONFLICT (account_id, kind) DO UPDATE SET count = f.count + EXCLUDED.count
)
SELECT count(*) FROM gone
"""


def forget(seconds: float) -> None:
    """Delete events of more than `event_days`, of all accounts, for about so many seconds.

    A message that is still shown keeps its events, whatever the account says of events.
    """
    deadline = time.monotonic() + seconds
    for account in Account.objects.order_by("?").iterator():
        days = max(account.event_days, account.message_days)
        before = first_id_at(timezone.now() - timedelta(days=days))
        while _forget_some(account, before) == AT_ONCE:
            if time.monotonic() > deadline:
                return


def _forget_some(account: Account, before: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FORGET, {"account": account.pk, "before": before, "limit": AT_ONCE})
        return int(cursor.fetchone()[0])
