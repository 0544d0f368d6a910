"""The ledger of what happened: the one way in which events and tallies are written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg.types.json import Jsonb

from accounts.message_class import MessageClass
from events import outbox
from events.bulk import copy_rows
from events.identifiers import new_id
from events.models import Event, Kind
from events.outbox import Fresh
from events.tallies import Sums


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is about to be written."""

    kind: Kind
    account_id: int
    message_id: UUID
    recipient: str
    destination: str  # the recipient's domain, as A-labels
    sender_domain: str
    message_class: MessageClass
    timestamp: datetime
    message_id_header: str
    tags: list[str]
    metadata: dict[str, object] = field(default_factory=dict)
    is_test: bool = False  # written and reported like any other, and counted nowhere
    details: dict[str, object] = field(default_factory=dict)
    waited: float | None = None  # seconds from acceptance to delivery

    def count(self, sums: Sums, kind: str) -> None:
        """Count its recipient under a kind: its own, or that of a first open or click."""
        account_id, when, message_class = self.account_id, self.timestamp, self.message_class
        sums.add(
            kind, account_id, when, message_class, self.tags, self.sender_domain,
            (self.destination,),
        )  # fmt: skip
        if self.waited is not None:
            sums.add_time(account_id, when, message_class, self.waited)


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
    sums = Sums()
    for event in events:
        if not event.is_test:
            event.count(sums, event.kind)
    sums.write()


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
