"""Read what comes back: delivery status notifications (RFC 3464) and abuse reports (RFC 5965).

Bytes in, `Report` out; it knows nothing of accounts or the database. What it returns is what
somebody wrote: who may be believed is for the caller to know.
"""

from messages.reports import delivery_status, feedback, free_text, mail
from messages.reports.report import Original, Report, ReportKind

__all__ = ["Original", "Report", "ReportKind", "read"]

READERS = (feedback.read, delivery_status.read, free_text.read)


def read(content: bytes) -> list[Report]:
    """Return what a mail reports, one value a recipient; nothing where it is no report.

    Never raises, and never takes long: what is too large or too deep is left unread.
    """
    parsed = mail.parse(content)
    parsed = mail.unwrapped(parsed) or parsed
    for reader in READERS:
        reports = reader(parsed)
        if reports is not None:
            return reports
    return []
