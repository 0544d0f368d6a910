"""Make events of visits: who it was, what else they have done, and what it counts for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from accounts.message_class import MessageClass
from events import ledger
from events.bulk import dict_cursor
from events.ledger import NewEvent
from events.models import Kind, Tally
from events.tallies import Sums
from messages.models import Recipient, State
from messages.tracked.visits import Program, Visit

# Events of one kind that a recipient can make: beyond, somebody plays with the link.
MAX_EVENTS = 200
# A number of our own, for those who write visits: one at a time, or two could each take theirs for
# the first.
TURN = int.from_bytes(b"visits", "big")

UNIQUE = {Kind.OPEN: Tally.UNIQUE_OPEN, Kind.CLICK: Tally.UNIQUE_CLICK}

# Whose it was, and what.
Deed = tuple[UUID, str, str]


@dataclass(slots=True)
class Past:
    """What a recipient has done of one kind before."""

    count: int = 0
    by_person: int = 0  # prefetches not counted


def record(visits: Iterable[Visit]) -> None:
    """Write visits as events, with their tallies; those to messages that are gone are dropped.

    What one program repeats within a moment is one visit. A recipient's first open and first
    click, prefetches aside, count once more as unique.
    """
    distinct = list({visit.same_as: visit for visit in visits}.values())
    with transaction.atomic():
        _wait_for_turn()
        recipients = _recipients(visit.recipient_id for visit in distinct)
        known = [visit for visit in distinct if visit.recipient_id in recipients]
        events = list(_events(known, recipients, _pasts(recipients.values())))
        ledger.record_all(events)
        _count_uniques(events)


def _wait_for_turn() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])


def _recipients(ids: Iterable[int]) -> dict[int, Recipient]:
    """Return recipients by id, each with the facts of its message that events repeat."""
    found = Recipient.objects.select_related("message").defer(
        "message__subject", "message__header_from", "message__reverse_path", "reply"
    )
    return found.in_bulk(set(ids))


def _pasts(recipients: Iterable[Recipient]) -> defaultdict[Deed, Past]:
    pasts: defaultdict[Deed, Past] = defaultdict(Past)
    with dict_cursor() as cursor:
        cursor.execute(
            """
            SELECT message_id, recipient, kind, count(*) AS count,
                   count(*) FILTER (WHERE NOT (details ->> 'is_prefetch')::bool) AS by_person
              FROM events_event
             WHERE message_id = ANY(%s) AND kind IN ('open', 'click')
             GROUP BY message_id, recipient, kind
            """,
            [list({one.message_id for one in recipients})],
        )
        for row in cursor.fetchall():
            deed = (row["message_id"], row["recipient"], row["kind"])
            pasts[deed] = Past(row["count"], row["by_person"])
    return pasts


def _events(
    visits: list[Visit], recipients: dict[int, Recipient], pasts: defaultdict[Deed, Past]
) -> Iterator[NewEvent]:
    for visit in visits:
        recipient = recipients[visit.recipient_id]
        past = pasts[recipient.message_id, recipient.address, visit.kind.value]
        if past.count >= MAX_EVENTS:
            continue
        program = visit.program(
            recipient.settled_at if recipient.state == State.DELIVERED else None
        )
        yield _event(visit, recipient, program, is_first=past.by_person == 0)
        past.count += 1
        past.by_person += not program.is_prefetch


def _event(visit: Visit, recipient: Recipient, program: Program, *, is_first: bool) -> NewEvent:
    message = recipient.message
    details = visit.details(program)
    if not program.is_prefetch:
        details["is_first"] = is_first
    return NewEvent(
        kind=visit.kind,
        account_id=recipient.account_id,
        message_id=message.id,
        recipient=recipient.address,
        destination=recipient.domain,
        sender_domain=message.sender_domain,
        message_class=MessageClass(message.message_class),
        timestamp=visit.at,
        message_id_header=message.message_id_header,
        tags=message.tags,
        metadata=message.metadata,
        is_test=message.is_test,
        details=details,
    )


def _count_uniques(events: Iterable[NewEvent]) -> None:
    sums = Sums()
    for event in events:
        if event.details.get("is_first") and not event.is_test:
            event.count(sums, UNIQUE[event.kind])
    sums.write()
