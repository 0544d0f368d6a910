"""Read the reports that came in: in batches, and each exactly once.

All that follows from a report is written in the transaction that marks it as read and holds its
row until then, so whoever dies in between has read nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

import psycopg
from django.db import Error, transaction

from accounts.database import UNAVAILABLE
from events import ledger, suppressions
from events.models import Event
from messages import consequences, metrics
from messages.consequences import FAILED, Conclusion, Told
from messages.models import IncomingReport, Recipient

logger = logging.getLogger(__name__)

# What one transaction takes on: recipients are locked meanwhile, and a round trip is shared well.
MAX_BATCH = 50

Read = tuple[IncomingReport, Conclusion]


def read_all() -> None:
    """Read every report that waits and that nobody else is reading."""
    while read := _read_some(MAX_BATCH):
        for incoming, conclusion in read:
            _tell_operators(incoming, conclusion)


def _read_some(limit: int) -> list[Read]:
    """Read up to `limit` reports; none: none is waiting."""
    try:
        with transaction.atomic():
            waiting = _lock_waiting(limit)
            read = _concluded(waiting)
            _write(read)
            return read
    except UNAVAILABLE:
        raise  # another time
    except (Error, psycopg.Error):  # COPY and `bulk.dict_cursor` raise psycopg's own
        if limit > 1:
            return _read_some(1)  # one of them cannot be written: alone, it fails alone
        logger.exception("What a report says could not be written")
        return _set_aside()


def _lock_waiting(limit: int) -> list[IncomingReport]:
    waiting = IncomingReport.objects.select_for_update(skip_locked=True)
    return list(waiting.filter(state=IncomingReport.State.UNREAD).order_by("id")[:limit])


def _concluded(waiting: Sequence[IncomingReport]) -> list[Read]:
    # Recipients are locked, so that of two reports of one bounce the second sees the first; always
    # in one order, so that two readers cannot deadlock.
    locked = Recipient.objects.select_for_update(of=("self",)).order_by("id")
    recipients = {
        one.pk: one
        for one in locked.select_related("message").filter(
            pk__in={incoming.recipient_id for incoming in waiting}
        )
    }
    told = _told({one.message_id for one in recipients.values()})
    return [
        (incoming, consequences.of(incoming, recipients.get(incoming.recipient_id), told))
        for incoming in waiting
    ]


def _told(message_ids: Iterable[UUID]) -> Told:
    """Return what events there are of messages."""
    rows = Event.objects.filter(message_id__in=message_ids)
    return set(rows.values_list("message_id", "recipient", "kind"))


def _write(read: Sequence[Read]) -> None:
    ledger.record_all(conclusion.event for _, conclusion in read if conclusion.event)
    suppressions.put_learned(
        conclusion.suppression for _, conclusion in read if conclusion.suppression
    )
    for incoming, conclusion in read:
        incoming.state, incoming.note = conclusion.state, conclusion.note
    IncomingReport.objects.bulk_update([incoming for incoming, _ in read], ["state", "note"])


def _set_aside() -> list[Read]:
    """Give up on the report that is next."""
    with transaction.atomic():
        conclusion = Conclusion(FAILED, "Writing what it says failed: see the log")
        read = [(incoming, conclusion) for incoming in _lock_waiting(1)]
        _write(read)
    return read


def _tell_operators(incoming: IncomingReport, conclusion: Conclusion) -> None:
    metrics.REPORTS.labels(conclusion.outcome).inc()
    facts = {
        "message_id": conclusion.message_id,
        "recipient_id": incoming.recipient_id,
        "outcome": conclusion.outcome,
        "note": conclusion.note,
    }
    logger.info("report", extra={"facts": facts})
