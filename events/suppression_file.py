"""A whole suppression list at once: all of it for a file, and what a file brings, in batches."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from accounts.models import Account
from events import suppressions
from events.models import Suppression
from events.suppression_csv import BadRow
from events.suppressions import Entry

# Rows read or written at once.
BATCH = 5000
# Bad rows that a report names; it counts them all.
MAX_ERRORS = 1000
# Octets of a file.
MAX_SIZE = 5 * 1024 * 1024


@dataclass(slots=True)
class Report:
    """What became of the rows of a file."""

    added: int = 0
    renewed: int = 0
    kept: int = 0  # complaints, which stay as they are
    refused: int = 0
    errors: list[BadRow] = field(default_factory=list)  # the first MAX_ERRORS of the refused


def take(account: Account, rows: Iterator[Entry | BadRow]) -> Report:
    """Put all good rows on the list in one transaction, and report."""
    report = Report()
    with transaction.atomic():
        while batch := list(islice(rows, BATCH)):
            bad = [row for row in batch if isinstance(row, BadRow)]
            report.refused += len(bad)
            report.errors += bad[: MAX_ERRORS - len(report.errors)]
            done = suppressions.put(account, [row for row in batch if isinstance(row, Entry)])
            report.added += len(done.added)
            report.renewed += len(done.renewed)
            report.kept += len(done.kept)
    return report


def every(account: Account) -> Iterator[Suppression]:
    """Yield the whole list by address, in pages, so that no cursor stays open meanwhile."""
    last = ""
    while True:
        rows = list(
            Suppression.objects.filter(suppressions.live(account), address__gt=last).order_by(
                "address"
            )[:BATCH]
        )
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1].address
