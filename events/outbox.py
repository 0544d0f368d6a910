"""The outbox: which webhook is still to be told of which event.

A row is written with its event, in one transaction, and deleted when it is taken into a batch. So
there is no cursor that could run past an event whose transaction was slower than a later one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from events.bulk import copy_rows, prepared
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


def put(events: Iterable[Fresh]) -> None:
    """Write down which webhooks are to be told of events, and wake a worker after the commit.

    Where no account has a webhook this costs one look-up, however many events there are.
    """
    by_account: dict[int, list[Fresh]] = defaultdict(list)
    for event in events:
        by_account[event.account_id].append(event)
    if not by_account:
        return
    rows = [
        (webhook_id, event.id, event.message_id)
        for webhook_id, account_id, kinds in _enabled(list(by_account))
        for event in by_account[account_id]
        if not kinds or event.kind in kinds
    ]
    write(rows)


def write(rows: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Append webhook, event and message to the outbox, and wake a worker after the commit."""
    if rows:
        copy_rows(News, COLUMNS, rows)
        transaction.on_commit(ring)


def ring() -> None:
    """Wake a worker of webhooks."""
    ring_soon([BELL])


def _enabled(account_ids: list[int]) -> list[tuple[UUID, int, list[str]]]:
    with prepared() as cursor:
        cursor.execute(
            "SELECT id, account_id, kinds FROM events_webhook"
            " WHERE is_enabled AND account_id = ANY(%s::bigint[])",
            [account_ids],
            prepare=True,
        )
        return [(row["id"], row["account_id"], row["kinds"]) for row in cursor]
