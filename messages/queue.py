"""The queue: who is due, who has claimed what, and what became of it. PostgreSQL is the truth.

A recipient that is claimed carries the number of the claim (its lease) and, before anything is
sent, the time of the next attempt: whoever dies in between has neither lost it nor can its
successor hammer the receiver (delivery R2). Only who knows the lease may write an outcome.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts import allowance
from accounts.message_class import MessageClass
from events.bulk import dict_cursor
from messages import holding
from messages.models import State

# A claim holds at least so long, and is prolonged while its worker lives.
LEASE = 20  # seconds

# How long we try (delivery R1): a password reset is of no use tomorrow.
LIFETIME = {
    MessageClass.PRIORITY: timedelta(hours=12),
    MessageClass.STANDARD: timedelta(hours=48),
    MessageClass.DIGEST: timedelta(hours=48),
}


def most_attempts(message_class: MessageClass) -> int:
    """Return how many attempts fit into the lifetime of a message, if none takes any time."""
    count, left = 1, LIFETIME[message_class].total_seconds()
    while left > (wait := settings.RETRY_AFTER[min(count, len(settings.RETRY_AFTER)) - 1]):
        count, left = count + 1, left - wait
    return count


@dataclass(frozen=True, slots=True)
class Claimed:
    """One recipient that is ours for one attempt, with the facts of its message."""

    id: int
    lease: int
    message_id: UUID
    account_id: int
    message_class: MessageClass
    accepted_at: datetime
    address: str
    domain: str
    attempt_number: int
    retry_at: datetime  # when the next attempt is due, should this one fail
    sender_domain: str
    message_id_header: str
    tags: list[str]
    metadata: dict[str, object]
    send_at: datetime | None  # the sender asked for not before
    is_test: bool
    is_scanned: bool  # False: no scanner has looked at the content yet
    allowed_at: datetime | None  # when it was first claimed; None: a test, or before we knew
    track_opens: bool
    track_clicks: bool
    offers_unsubscribe: bool

    @property
    def key(self) -> tuple[int, int]:
        """What tells this claim from all others, of the same recipient too."""
        return self.id, self.lease

    @property
    def has_own_copy(self) -> bool:
        """Whether what leaves is this recipient's alone."""
        return self.track_opens or self.track_clicks or self.offers_unsubscribe

    @property
    def listed_address(self) -> str:
        """The address as suppression lists keep it."""
        return f"{self.address.rpartition('@')[0].lower()}@{self.domain}"

    @property
    def expires_at(self) -> datetime:
        # What was held for volume gets its whole time all the same.
        first = self.allowed_at or self.send_at or self.accepted_at
        return first + LIFETIME[self.message_class]


# Accounts with due mail are found by hopping over the index, one probe an account; each gets an
# equal share of the batch, so that nobody waits for somebody else's backlog. Where there are more
# of them than places, lots decide, so that none is always among the last. Of what is picked, as
# many first attempts go as the account is granted; the rest is held until its next day, where it
# stays in the order in which it came. Tests cost no allowance, nor does mail of the product itself,
# which no standing stops; and later attempts cost none again.
CLAIM = f"""
WITH RECURSIVE front AS (
    (SELECT account_id, due_at FROM mail_recipient
      WHERE message_class = %(class)s AND due_at IS NOT NULL
      ORDER BY account_id, due_at LIMIT 1)
    UNION ALL
    SELECT following.account_id, following.due_at FROM front, LATERAL (
        SELECT account_id, due_at FROM mail_recipient
         WHERE message_class = %(class)s AND due_at IS NOT NULL
           AND account_id > front.account_id
         ORDER BY account_id, due_at LIMIT 1) following
), waiting AS MATERIALIZED (
    SELECT account_id FROM front WHERE due_at <= now() AND account_id <> ALL(%(crowding)s::bigint[])
     ORDER BY random() LIMIT %(limit)s
), picked AS MATERIALIZED (
    SELECT due.* FROM waiting, LATERAL (
        SELECT id, message_id, account_id, due_at,
               attempt_count = 0 AND allowed_at IS NULL AS is_new
          FROM mail_recipient
         WHERE message_class = %(class)s AND account_id = waiting.account_id AND due_at <= now()
         ORDER BY due_at
         LIMIT greatest(%(limit)s / (SELECT count(*) FROM waiting), 1)
         FOR UPDATE SKIP LOCKED) due
    LIMIT %(limit)s
), judged AS MATERIALIZED (
    SELECT known.*, is_new AND NOT is_free AND NOT is_stopped AS asks,
           row_number() OVER (PARTITION BY account_id, is_new AND NOT is_free ORDER BY due_at, id)
               AS place
      FROM (SELECT picked.id, picked.account_id, picked.due_at, picked.is_new, a.allowance,
                   {holding.IS_FREE} AS is_free,
                   NOT {holding.IS_FREE} AND
                   (a.suspended_for <> '' OR a.standing >= %(stopped_from)s) AS is_stopped
              FROM picked
              JOIN mail_message m ON m.id = picked.message_id
              JOIN accounts_account a ON a.id = picked.account_id) known
), asked AS (
    SELECT account_id, allowance, count(*) AS number FROM judged WHERE asks GROUP BY 1, 2
), taken AS ({allowance.TAKE}
), sorted AS (
    SELECT judged.id, taken.allowance, asks, is_stopped,
           NOT is_stopped AND (NOT asks OR place <= taken.granted) AS goes
      FROM judged LEFT JOIN taken USING (account_id)
)
UPDATE mail_recipient r
   SET state = CASE WHEN goes THEN 'leased' ELSE 'held' END,
       lease = CASE WHEN goes THEN %(lease)s END,
       attempt_count = r.attempt_count + goes::int,
       allowed_at = CASE WHEN goes AND asks THEN now() ELSE r.allowed_at END,
       due_at = CASE WHEN goes THEN now() + greatest(
               %(lease_seconds)s * interval '1 second',
               (%(retry_after)s::int[])[least(r.attempt_count + 1, %(steps)s)]
               * (0.9 + 0.2 * random()) * interval '1 second')
           ELSE {holding.NEXT_DAY} END,
       reply = CASE WHEN goes THEN r.reply ELSE {holding.REASON} END
  FROM sorted, mail_message m
 WHERE r.id = sorted.id AND m.id = r.message_id
RETURNING r.id, r.lease, r.message_id, r.account_id, r.message_class, r.accepted_at, r.address,
          r.domain, r.attempt_count AS attempt_number, r.due_at AS retry_at,
          m.sender_domain, m.message_id_header, m.tags, m.metadata, m.send_at, m.is_test,
          m.is_scanned, m.track_opens, m.track_clicks, m.offers_unsubscribe, r.allowed_at, r.reply
"""


def claim(message_class: MessageClass, limit: int, crowding: Sequence[int] = ()) -> list[Claimed]:
    """Take up to `limit` due recipients of a class for one attempt each.

    None of the accounts that are `crowding`, by id. Whoever has no allowance left is held, and his
    share goes to the others.
    """
    claimed, held = _claim(message_class, limit, crowding)
    if held:
        holding.hold_rest(message_class, held)
        claimed += _claim(message_class, limit - len(claimed), crowding)[0]
    return claimed


def _claim(
    message_class: MessageClass, limit: int, crowding: Sequence[int]
) -> tuple[list[Claimed], dict[int, str]]:
    """Claim once; return the recipients that are ours, and why some of an account were held."""
    with dict_cursor() as cursor:
        cursor.execute(
            CLAIM,
            {
                "class": message_class.value,
                "limit": limit,
                "crowding": list(crowding),
                "lease": secrets.randbits(63),
                "lease_seconds": LEASE,
                "retry_after": settings.RETRY_AFTER,
                "steps": len(settings.RETRY_AFTER),
                "share": allowance.SHARE[message_class],
                "stopped_from": int(allowance.STOPPED_FROM[message_class]),
            },
        )
        rows = cursor.fetchall()
    claimed, held = [], dict[int, str]()
    for row in rows:
        reply = row.pop("reply")
        if row["lease"] is None:
            held[row["account_id"]] = reply
            continue
        # Django has psycopg leave JSON as text.
        row |= {"message_class": message_class, "metadata": json.loads(row["metadata"])}
        claimed.append(Claimed(**row))
    return claimed, held


def may_have_left_some(claimed: Sequence[Claimed], limit: int) -> bool:
    """Say whether more may be due than a claim has taken: it was full, or shared out."""
    return len(claimed) == limit or len({one.account_id for one in claimed}) > 1


def contents(message_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the contents of messages by id."""
    with dict_cursor() as cursor:
        # Binary, or each byte would come in hex.
        cursor.execute(
            "SELECT message_id, data FROM mail_content WHERE message_id = ANY(%s)",
            [list(message_ids)],
            binary=True,
        )
        return {row["message_id"]: row["data"] for row in cursor.fetchall()}


def prolong(claimed: Sequence[Claimed]) -> int:
    """Keep claims of a living worker from running out while it waits for slow receivers.

    Also those that have run out, where nobody has taken them over. Returns how many that were.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE mail_recipient r SET due_at = now() + %s * interval '1 second'
              FROM unnest(%s::bigint[], %s::bigint[]) AS held(id, lease)
             WHERE r.id = held.id AND r.lease = held.lease
               AND r.due_at < now() + %s * interval '1 second'
            """,
            [LEASE, [one.id for one in claimed], [one.lease for one in claimed], LEASE / 2],
        )
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt, as it will stand in the recipient's row."""

    claimed: Claimed
    state: State
    attempt_count: int
    due_at: datetime | None
    reply: str
    settled_at: datetime | None


def settle(outcomes: Sequence[Outcome]) -> set[tuple[int, int]]:
    """Write outcomes where the lease is still ours; return id and lease of those recipients.

    Runs in the transaction of the caller, who writes attempts and events for the returned ones.
    """
    with dict_cursor() as cursor:
        cursor.execute(
            """
            UPDATE mail_recipient r
               SET state = o.state, attempt_count = o.attempt_count, due_at = o.due_at,
                   reply = o.reply, settled_at = o.settled_at, lease = NULL
              FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::timestamptz[],
                          %s::text[], %s::timestamptz[])
                AS o(id, lease, state, attempt_count, due_at, reply, settled_at)
             WHERE r.id = o.id AND r.lease = o.lease
            RETURNING o.id, o.lease
            """,
            [
                [one.claimed.id for one in outcomes],
                [one.claimed.lease for one in outcomes],
                [one.state.value for one in outcomes],
                [one.attempt_count for one in outcomes],
                [one.due_at for one in outcomes],
                [one.reply for one in outcomes],
                [one.settled_at for one in outcomes],
            ],
        )
        return {(row["id"], row["lease"]) for row in cursor.fetchall()}


def cancel(account_id: int, message_id: UUID) -> int:
    """Take back the recipients of a message that nobody is at work on; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE mail_recipient
               SET state = 'cancelled', due_at = NULL, settled_at = now(),
                   reply = 'Cancelled by the sender'
             WHERE account_id = %s AND message_id = %s
               AND state IN ('queued', 'deferred', 'held')
            """,
            [account_id, message_id],
        )
        return int(cursor.rowcount)
