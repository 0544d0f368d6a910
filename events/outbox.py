"""The outbox: which webhook is still to be told of which event.

A row is written with its event, in one transaction, and deleted when it is taken into a batch. So
there is no cursor that could run past an event whose transaction was slower than a later one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from events.bulk import copy_rows, dict_cursor
from events.doorbell import Doorbell, ring_soon
from events.models import Kind, News

TASK = "events.tasks.post_events"
BELL = Doorbell(rank=0, queue="webhooks", task=TASK)

COLUMNS = ("webhook", "event_id", "message_id")


@dataclass(frozen=True, slots=True)
class Fresh:
    """What decides who is told of an event."""

    id: UUID
    account_id: int
    message_id: UUID
    kind: Kind


@dataclass(frozen=True, slots=True)
class Listener:
    """A webhook that is to be told of an account's events, of some kinds or (none named) of all."""

    webhook_id: UUID
    account_id: int
    kinds: list[str]

    def wants(self, event: Fresh) -> bool:
        return event.account_id == self.account_id and (not self.kinds or event.kind in self.kinds)


def listeners(account_ids: Iterable[int]) -> list[Listener]:
    """Return the enabled webhooks of accounts. To be asked before the ids of events are made.

    It gives the transaction its id, by which `reading.horizon` sees that it may still commit
    events: one that got it later could have made ids that a reader has gone past already.
    """
    with dict_cursor() as cursor:
        cursor.execute(
            """
            WITH this AS MATERIALIZED (SELECT pg_current_xact_id())
            SELECT id, account_id, kinds
              FROM this LEFT JOIN events_webhook ON is_enabled AND account_id = ANY(%s::bigint[])
            """,
            [list(account_ids)],
        )
        return [Listener(row["id"], row["account_id"], row["kinds"]) for row in cursor if row["id"]]


def put(told: Iterable[Listener], events: Sequence[Fresh]) -> None:
    """Write down which webhooks are to be told of events, and wake a worker after the commit."""
    write(
        [
            (listener.webhook_id, event.id, event.message_id)
            for listener in told
            for event in events
            if listener.wants(event)
        ]
    )


def write(rows: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Append webhook, event and message to the outbox, and wake a worker after the commit."""
    if rows:
        copy_rows(News, COLUMNS, rows)
        transaction.on_commit(ring)


def ring() -> None:
    """Wake a worker of webhooks."""
    ring_soon([BELL])
