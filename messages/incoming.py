"""Reports that came in: for whom they may, and how they are kept until they are read."""

import hashlib
import logging
from datetime import timedelta
from enum import Enum

from django.db import connection
from django.utils import timezone

from messages.models import IncomingReport

logger = logging.getLogger(__name__)

# What one recipient can bring about: delays, a bounce, a complaint, the replies of machines. A
# valid address in wrong hands must not fill our disk.
MAX_REPORTS = 20

# How long the octets of a report are kept, and what came of it: as long as content and messages.
KEEP_CONTENT, KEEP = timedelta(days=30), timedelta(days=90)


class Standing(Enum):
    """Whether mail may come in for an address."""

    WELCOME = "welcome"
    UNKNOWN = "unknown"  # we did not write it, or what it stands for is gone
    SATURATED = "saturated"  # it got more reports than one recipient can bring about


ASK = """
SELECT (SELECT count(*) FROM mail_incomingreport WHERE recipient_id = r.id),
       EXISTS (SELECT FROM domains_domain d
                WHERE d.name = %(name)s AND d.mta_label = %(label)s AND d.account_id = r.account_id)
  FROM mail_recipient r WHERE r.id = %(id)s
"""


def standing(recipient_id: int, domain: str) -> Standing:
    """Say whether a report for one of our recipients may come in under a domain."""
    label, _, name = domain.lower().partition(".")
    with connection.cursor() as cursor:
        cursor.execute(ASK, {"id": recipient_id, "name": name, "label": label})
        row = cursor.fetchone()
    if row is None:
        # Whatever it reports, there is nobody left whom it could be told.
        logger.info("A report for recipient %s was refused: the message is gone", recipient_id)
        return Standing.UNKNOWN
    count, is_ours = row
    if not is_ours:
        logger.info("A report for recipient %s came to a wrong domain", recipient_id)
        return Standing.UNKNOWN
    return Standing.SATURATED if count >= MAX_REPORTS else Standing.WELCOME


def received(
    recipient_id: int, reverse_path: str, client_address: str | None, content: bytes
) -> IncomingReport:
    """Return the row of a report that came in for a recipient."""
    return IncomingReport(
        recipient_id=recipient_id,
        client_address=client_address,
        reverse_path=reverse_path.replace("\x00", ""),
        size=len(content),
        content=content,
        digest=hashlib.sha256(content).digest(),
    )


def store(reports: list[IncomingReport]) -> None:
    """Commit reports. A second copy of one, sent because our reply was lost, leaves no trace."""
    IncomingReport.objects.bulk_create(reports, ignore_conflicts=True)


def prune() -> None:
    """Let go of contents, and of whole reports, that are old; never of one that nobody has read."""
    now = timezone.now()
    read = IncomingReport.objects.exclude(state=IncomingReport.State.UNREAD)
    read.filter(content__isnull=False, received_at__lt=now - KEEP_CONTENT).update(content=None)
    read.filter(received_at__lt=now - KEEP).delete()
