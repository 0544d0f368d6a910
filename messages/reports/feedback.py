"""Read abuse reports (RFC 5965), and those of providers that have forms of their own."""

from events.reasons import Reason
from messages.reports import addresses, originals
from messages.reports.mail import Part, parse_fields
from messages.reports.report import Original, Report

MEDIA_TYPE = "message/feedback-report"
# What is no complaint about spam: reports of failed authentication (RFC 6591), "this was good".
NO_COMPLAINTS = frozenset({"auth-failure", "not-spam", "dmarc", "dkim", "tlsrpt"})
REASONS = {"opt-out": Reason.UNSUBSCRIBED, "unsubscribe": Reason.UNSUBSCRIBED}
RECIPIENTS = ("original-rcpt-to", "removal-recipient", "x-original-rcpt-to")


# Microsoft's loop (JMRP) also sends no report, but the message with a field of its own on top.
JMRP_FIELD = "x-hmxmroriginalrecipient"
# Apple's clients write so to the address of List-Unsubscribe.
APPLE_FIELD = "x-apple-unsubscribe"


def read(mail: Part) -> list[Report] | None:
    """Return the complaints in an abuse report. None: the mail is none."""
    parts = [part for part in mail.walk() if _is_report(part, mail)]
    if parts:
        return [report for part in parts for report in _of_part(part, mail)]
    original = originals.of(mail, {})
    if recipient := mail.value(JMRP_FIELD) or "".join(original.values(JMRP_FIELD)[:1]):
        return [_complaint(addresses.of_field(recipient), "", original)]
    if mail.value(APPLE_FIELD).lower() == "true":
        return [_complaint(addresses.of_field(mail.value("from")), "unsubscribe", original)]
    return None


def _is_report(part: Part, mail: Part) -> bool:
    is_declared = mail.parameters.get("report-type", "").lower() == "feedback-report"
    is_inline = part.media_type.startswith("text/") and b"\nfeedback-type:" in part.octets.lower()
    return part.media_type == MEDIA_TYPE or (is_declared and is_inline)


def _of_part(part: Part, mail: Part) -> list[Report]:
    fields = parse_fields(part.octets.lstrip(b"\n"))
    about = dict(reversed(fields))
    kind = about.get("feedback-type", "abuse").strip().lower()
    if kind in NO_COMPLAINTS:
        return []
    original = originals.of(mail, about)
    named = {addresses.of_field(value) for name, value in fields if name in RECIPIENTS and value}
    # Many loops leave the recipient out, or write something that is none (RFC 6590).
    recipients = sorted(named) or originals.recipients(original)[:1] or [""]
    reporter = addresses.without_type(about.get("reporting-mta", ""))
    return [_complaint(recipient, kind, original, reporter) for recipient in recipients]


def _complaint(recipient: str, kind: str, original: Original, reporter: str = "") -> Report:
    return Report(
        recipient=recipient,
        kind="complaint",
        reason=REASONS.get(kind, Reason.COMPLAINT),
        reporter=reporter,
        original=original,
    )
