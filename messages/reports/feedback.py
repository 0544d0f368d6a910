"""Read abuse reports (RFC 5965), and those of providers that have forms of their own."""

from events.reasons import Reason
from messages.reports import addresses, originals
from messages.reports.mail import Part, parse_fields
from messages.reports.report import Report

MEDIA_TYPE = "message/feedback-report"
# What is no complaint about spam: reports of failed authentication (RFC 6591), "this was good".
NO_COMPLAINTS = frozenset({"auth-failure", "not-spam", "dmarc", "dkim", "tlsrpt"})
REASONS = {"opt-out": Reason.UNSUBSCRIBED, "unsubscribe": Reason.UNSUBSCRIBED}
RECIPIENTS = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to")


def read(mail: Part) -> list[Report] | None:
    """Return the complaints in an abuse report. None: the mail is none."""
    parts = [part for part in mail.walk() if part.media_type == MEDIA_TYPE]
    if not parts:
        return None
    return [report for part in parts for report in _of_part(part, mail)]


def _of_part(part: Part, mail: Part) -> list[Report]:
    fields = parse_fields(part.octets.lstrip(b"\n"))
    about = dict(reversed(fields))
    kind = about.get("feedback-type", "abuse").strip().lower()
    if kind in NO_COMPLAINTS:
        return []
    original = originals.of(mail, about)
    recipients = {
        addresses.of_field(value): None for name, value in fields if name in RECIPIENTS and value
    }
    return [
        Report(
            recipient=recipient,
            kind="complaint",
            reason=REASONS.get(kind, Reason.COMPLAINT),
            reporter=addresses.without_type(about.get("reporting-mta", "")),
            original=original,
        )
        for recipient in recipients or [""]
    ]
