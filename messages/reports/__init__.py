"""Read what comes back: delivery status notifications (RFC 3464) and abuse reports (RFC 5965).

Bytes in, `Report` out; it knows nothing of accounts or the database. What it returns is what
somebody wrote: who may be believed is for the caller to know.
"""

from messages.reports import delivery_status, feedback, free_text, mail, notices, returned
from messages.reports.mail import Part
from messages.reports.report import Original, Report, ReportKind

__all__ = ["Original", "Report", "ReportKind", "is_other", "read"]

READERS = (feedback.read, delivery_status.read, free_text.read)


def read(content: bytes) -> list[Report]:
    """Return what a mail reports, one value a recipient; nothing where it is no report.

    Never raises, and never takes long: what is too large or too deep is left unread.
    """
    return _read(_parsed(content)) or []


def is_other(content: bytes) -> bool:
    """Whether a mail that reports nothing is of a kind that we know, so that nobody need look.

    An auto-reply, a challenge, a receipt, news of a success, a report of DMARC. Never raises.
    """
    parsed = _parsed(content)
    return _read(parsed) == [] or notices.is_other(parsed, returned.words(parsed))


def _parsed(content: bytes) -> Part:
    parsed = mail.parse(content)
    return mail.unwrapped(parsed) or parsed


def _read(parsed: Part) -> list[Report] | None:
    """Return what the first reader finds that knows such mail. None: none does."""
    for reader in READERS:
        reports = reader(parsed)
        if reports is not None:
            return reports
    return None
