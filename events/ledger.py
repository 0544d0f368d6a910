"""The ledger of what happened: the one way in which events and tallies are written."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg.types.json import Jsonb

from accounts.message_class import MessageClass
from events import outbox
from events.bulk import copy_rows, prepared
from events.identifiers import new_id
from events.models import Event, Kind
from events.outbox import Fresh


@dataclass(frozen=True, slots=True)
class TallyKey:
    """What is counted together, within the hour."""

    account_id: int
    hour: datetime
    message_class: MessageClass
    tag: str  # "": every message, tagged or not
    kind: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be written."""

    kind: Kind
    account_id: int
    message_id: UUID
    recipient: str
    message_class: MessageClass
    timestamp: datetime
    message_id_header: str
    tags: list[str]
    metadata: dict[str, object] = field(default_factory=dict)
    is_test: bool = False  # written and reported like any other, and counted nowhere
    details: dict[str, object] = field(default_factory=dict)


COLUMNS = (
    "id", "account", "message_id", "recipient", "kind", "timestamp", "details", "tags",
    "metadata", "message_id_header", "is_test",
)  # fmt: skip


def record_all(events: Iterable[NewEvent]) -> None:
    """Write events and their tallies, in the transaction of the facts that they report."""
    events = list(events)
    if not events:
        return
    # First, as it says itself.
    listeners = outbox.listeners({event.account_id for event in events})
    rows = [_row(event) for event in events]
    copy_rows(Event, COLUMNS, rows)
    if listeners:
        outbox.put(listeners, list(map(_fresh, rows, events)))
    amounts: Counter[TallyKey] = Counter()
    for event in events:
        if event.is_test:
            continue
        amounts.update(
            tally_keys(
                event.account_id, event.timestamp, event.message_class, event.tags, event.kind
            )
        )
    count(amounts)


def _fresh(row: tuple[object, ...], event: NewEvent) -> Fresh:
    return Fresh(cast(UUID, row[0]), event.account_id, event.message_id, event.kind)


def _row(event: NewEvent) -> tuple[object, ...]:
    return (
        new_id(),
        event.account_id,
        event.message_id,
        event.recipient,
        event.kind.value,
        event.timestamp,
        Jsonb(event.details),
        event.tags,
        Jsonb(event.metadata),
        event.message_id_header,
        event.is_test,
    )


def tally_keys(
    account_id: int, when: datetime, message_class: MessageClass, tags: Iterable[str], kind: str
) -> list[TallyKey]:
    """Return every tally that one recipient's fate belongs to: that of all, and one a tag."""
    hour = when.replace(minute=0, second=0, microsecond=0)
    return [TallyKey(account_id, hour, message_class, tag, kind) for tag in ("", *tags)]


def count(amounts: Mapping[TallyKey, int]) -> None:
    """Add amounts to the tallies, in the transaction that runs."""
    if not amounts:
        return
    # Always in one order, so that two transactions that touch the same tallies cannot deadlock.
    keys = sorted(
        amounts, key=lambda key: (key.account_id, key.hour, key.message_class, key.tag, key.kind)
    )
    with prepared() as cursor:
        cursor.execute(
            """
            INSERT INTO events_tally (account_id, hour, message_class, tag, kind, count)
            SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::smallint[],
                                 %s::text[], %s::text[], %s::bigint[])
            ON CONFLICT (account_id, hour, message_class, tag, kind)
            DO UPDATE SET count = events_tally.count + EXCLUDED.count
            """,
            [
                [key.account_id for key in keys],
                [key.hour for key in keys],
                [int(key.message_class) for key in keys],
                [key.tag for key in keys],
                [str(key.kind) for key in keys],
                [amounts[key] for key in keys],
            ],
            prepare=True,
        )
