"""Files for the suppression list that pages were given: a worker takes them, and readers watch.

Each file is one transaction under the lock of its row: a worker that dies has done nothing, and
the next sweep begins anew. How far it is stands in the cache, for nobody else sees a transaction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.models import Account
from events import suppression_csv, suppression_file
from events.models import SuppressionImport
from events.suppression_csv import BadRow
from events.suppressions import Entry

# Bad rows that a page names.
MAX_ERRORS = 100
# Rows between two words of how far it is, and seconds that such a word is good for.
TELL_EVERY, TOLD_FOR = 1000, 600


def begin(account: Account, octets: bytes) -> SuppressionImport:
    """Keep a file until a worker takes it. Raises CsvUnreadable."""
    suppression_csv.read(octets)
    return SuppressionImport.objects.create(account=account, content=octets)


def under_way(account: Account) -> SuppressionImport | None:
    """Return the file of an account that is not taken yet, if there is one."""
    return SuppressionImport.objects.filter(account=account, finished_at=None).first()


def take_all() -> None:
    """Take every file that waits and that no other worker is at."""
    while _take_one():
        pass


def _take_one() -> bool:
    with transaction.atomic():
        waiting = SuppressionImport.objects.filter(finished_at=None).select_related("account")
        one = waiting.select_for_update(skip_locked=True, of=("self",)).order_by("id").first()
        if one is None:
            return False
        octets = bytes(one.content or b"")
        rows = _told(one, suppression_csv.read(octets), octets.count(b"\n") + 1)
        report = suppression_file.take(one.account, rows)
        one.added, one.renewed = report.added, report.renewed
        one.kept, one.refused = report.kept, report.refused
        one.errors = [asdict(error) for error in report.errors[:MAX_ERRORS]]
        one.content, one.finished_at = None, timezone.now()
        one.save()
        return True


def _told(
    one: SuppressionImport, rows: Iterable[Entry | BadRow], lines: int
) -> Iterator[Entry | BadRow]:
    """Pass rows on, and say now and then how many of all lines that were, in percent."""
    for number, row in enumerate(rows):
        if number % TELL_EVERY == 0:
            cache.set(_key(one), 100 * number // lines, TOLD_FOR)
        yield row


def progress(one: SuppressionImport) -> int:
    """Return how far an import is, in percent."""
    return 100 if one.finished_at else cache.get(_key(one), 0)


def _key(one: SuppressionImport) -> str:
    return f"import:{one.pk}"
