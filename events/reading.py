"""Read the ledger from a cursor on, in the order of writing, without ever skipping an event.

Ids are made in the order of time, but before the commit: of two transactions that run at once the
later ids may be seen first, and a reader who went on from there would never see the others. So
nothing is shown that is younger than the oldest transaction that may still commit an older id.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from accounts.models import Account
from events.identifiers import first_id_at
from events.models import Event

# How far the clocks of workers may be off from that of the database, and how long before its
# first write a transaction may have made an id.
LAG = timedelta(seconds=2)
# Milliseconds that a search may take: there is no index for each filter.
PATIENCE = 5000


class TooLong(Exception):
    """A search takes longer than anybody waits for it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Run a transaction in which each statement takes a bounded time. Raises TooLong."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {PATIENCE}")
            yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise TooLong("Narrow the search by since and until, or give a message_id") from None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; what is not said does not matter."""

    kinds: Collection[str] = ()
    recipient: str = ""
    message_id: UUID | None = None
    tag: str = ""
    # By the time of writing, which is that of the event but for milliseconds.
    since: datetime | None = None
    until: datetime | None = None


def settled(account: Account, wanted: Filter) -> QuerySet[Event]:
    """Return the wanted events of an account before which no other can appear any more."""
    events = Event.objects.filter(account=account, id__lt=first_id_at(horizon()))
    if wanted.since:
        events = events.filter(id__gte=first_id_at(wanted.since))
    if wanted.until:
        events = events.filter(id__lt=first_id_at(wanted.until))
    if wanted.message_id:
        events = events.filter(message_id=wanted.message_id)
    if wanted.kinds:
        events = events.filter(kind__in=wanted.kinds)
    if wanted.recipient:
        events = events.filter(recipient=wanted.recipient)
    if wanted.tag:
        events = events.filter(tags__contains=[wanted.tag])
    return events


def horizon() -> datetime:
    """Return the moment before which all ids were made whose transactions may still commit.

    To be asked before the events are.
    """
    with connection.cursor() as cursor:
        # Who has no transaction id has not written; what it will write gets younger ids.
        cursor.execute(
            """
            SELECT least(clock_timestamp(), min(xact_start)) FROM pg_stat_activity
             WHERE datname = current_database() AND backend_xid IS NOT NULL
               AND backend_type = 'client backend' AND pid <> pg_backend_pid()
            """
        )
        (moment,) = cursor.fetchone()
    return moment - LAG
