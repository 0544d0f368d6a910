"""Prove that nothing was lost: accepted = final + open, and each final state has its event."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction

from messages.models import State


@dataclass(frozen=True, slots=True)
class Day:
    """The recipients that one account handed in on one day (UTC), and where they stand."""

    account_id: int
    day: date
    accepted: int  # by the tallies, which were written at acceptance
    states: dict[str, int]  # by the recipients' own rows, and the counts of those forgotten

    @property
    def stored(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Audit:
    """What the books say, and every place where they do not add up."""

    days: list[Day]
    faults: list[str]

    @property
    def states(self) -> dict[str, int]:
        """How many recipients stand in each state, all days together."""
        return {state.value: sum(day.states.get(state, 0) for day in self.days) for state in State}

    @property
    def accepted(self) -> int:
        return sum(day.accepted for day in self.days)


# One snapshot for everything, so that mail that flows meanwhile cannot make the books disagree.
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

BY_DAY = """
SELECT account_id, day, coalesce(accepted, 0), coalesce(states, '{}') FROM (
    SELECT account_id, (hour AT TIME ZONE 'UTC')::date AS day, sum(count)::bigint AS accepted
      FROM events_tally WHERE kind = 'accepted' AND tag = '' GROUP BY 1, 2) told
FULL JOIN (
    SELECT account_id, day, jsonb_object_agg(state, amount) AS states FROM (
        SELECT account_id, day, state, sum(count)::bigint AS amount FROM (
            SELECT account_id, (accepted_at AT TIME ZONE 'UTC')::date AS day, state, count(*)
              FROM mail_recipient r
             WHERE NOT EXISTS (SELECT FROM mail_message m WHERE m.id = r.message_id AND m.is_test)
             GROUP BY 1, 2, 3
            UNION ALL
            SELECT account_id, day, state, count FROM mail_recipientsforgotten) known
         GROUP BY 1, 2, 3) counted GROUP BY 1, 2) stored
USING (account_id, day) ORDER BY account_id, day
"""

# Each is a question whose answer must be none. What others report of a recipient later, or before
# it is settled, is told by events beside that of its state.
QUESTIONS = {
    "messages without a recipient": """
        SELECT count(*) FROM mail_message m
         WHERE NOT EXISTS (SELECT FROM mail_recipient r WHERE r.message_id = m.id)""",
    "recipients without a message": """
        SELECT count(*) FROM mail_recipient r
         WHERE NOT EXISTS (SELECT FROM mail_message m WHERE m.id = r.message_id)""",
    "open recipients of messages whose content is gone": """
        SELECT count(*) FROM mail_recipient r WHERE r.due_at IS NOT NULL
           AND NOT EXISTS (SELECT FROM mail_content c WHERE c.message_id = r.message_id)""",
    "delivered recipients without exactly one delivery event": """
        SELECT count(*) FROM mail_recipient r WHERE r.state = 'delivered'
           AND (SELECT count(*) FROM events_event e WHERE e.message_id = r.message_id
                   AND e.recipient = r.address AND e.kind = 'delivery') <> 1""",
    "bounced recipients without exactly one bounce event": """
        SELECT count(*) FROM mail_recipient r WHERE r.state = 'bounced'
           AND (SELECT count(*) FROM events_event e WHERE e.message_id = r.message_id
                   AND e.recipient = r.address AND e.kind = 'bounce'
                   AND e.details->>'source' IS DISTINCT FROM 'report') <> 1""",
    "blocked recipients without exactly one blocked event": """
        SELECT count(*) FROM mail_recipient r WHERE r.state = 'blocked'
           AND (SELECT count(*) FROM events_event e WHERE e.message_id = r.message_id
                   AND e.recipient = r.address AND e.kind = 'blocked'
                   AND e.details->>'source' IS DISTINCT FROM 'report') <> 1""",
    "kinds of events that the tallies count differently": """
        SELECT count(*) FROM (
            SELECT account_id, kind, sum(count) AS told FROM events_tally
             WHERE tag = '' AND kind <> 'accepted' GROUP BY 1, 2) tallied
        FULL JOIN (
            SELECT account_id, kind, sum(count) AS written FROM (
                SELECT account_id, kind, count(*) FROM events_event
                 WHERE NOT is_test GROUP BY 1, 2
                UNION ALL
                SELECT account_id, 'unique_' || kind, count(*) FROM events_event
                 WHERE NOT is_test AND details ->> 'is_first' = 'true' GROUP BY 1, 2
                UNION ALL
                SELECT account_id, kind, count FROM events_eventsforgotten) known
             GROUP BY 1, 2) counted
        USING (account_id, kind) WHERE told IS DISTINCT FROM written""",
    "recipients that were due for ten minutes and nobody took": """
        SELECT count(*) FROM mail_recipient WHERE due_at < now() - interval '10 minutes'""",
    "reports that came ten minutes ago and nobody has read": """
        SELECT count(*) FROM mail_incomingreport
         WHERE state = 'unread' AND received_at < now() - interval '10 minutes'""",
}


def take() -> Audit:
    """Read the books. Must be called outside a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SNAPSHOT)
        cursor.execute(BY_DAY)
        days = [
            Day(account, day, accepted, json.loads(states))
            for account, day, accepted, states in cursor.fetchall()
        ]
        faults = _disagreements(days)
        for what, question in QUESTIONS.items():
            cursor.execute(question)
            (count,) = cursor.fetchone()
            if count:
                faults.append(f"{count} {what}")
    return Audit(days, faults)


def _disagreements(days: Sequence[Day]) -> list[str]:
    return [
        f"account {day.account_id} on {day.day}: {day.accepted} recipients accepted, "
        f"{day.stored} stored"
        for day in days
        if day.accepted != day.stored
    ]
