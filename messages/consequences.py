"""What a report comes to: an event, and perhaps a suppression.

The token that a report came under says whom it is about, whatever the report itself says.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.message_class import MessageClass
from domains.addresses import AddressError, split_address
from events.ledger import NewEvent
from events.models import Kind, Suppression
from events.suppressions import Learned
from messages import reports
from messages.models import IncomingReport, Recipient
from messages.reports import Report, mail

logger = logging.getLogger(__name__)

# Of several things that a report tells of one recipient, the last of these counts.
GRAVITY = (Kind.SOFT_BOUNCE, Kind.BLOCKED, Kind.BOUNCE, Kind.COMPLAINT)
# `details.source` of an event that a report has brought about, not an attempt of ours.
SOURCE = "report"
MAX_NOTE, MAX_SAID = 300, 1000  # characters

# What a report comes to where it makes no event; "other" mail is known to report nothing.
NOBODYS, OTHER, NOTHING, KNOWN, FAILED = "nobody's", "other", "nothing", "known", "failed"

Told = set[tuple[UUID, str, str]]  # message, recipient and kind of events that there are


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a report comes to."""

    outcome: str  # a kind of event, or one of the words above
    note: str  # for staff
    message_id: UUID | None = None
    event: NewEvent | None = None
    suppression: Learned | None = None

    @property
    def state(self) -> IncomingReport.State:
        if self.outcome == OTHER:
            return IncomingReport.State.IGNORED
        is_clear = self.outcome not in (NOTHING, FAILED)
        return IncomingReport.State.READ if is_clear else IncomingReport.State.UNCLASSIFIED


def of(incoming: IncomingReport, recipient: Recipient | None, told: Told) -> Conclusion:
    """Draw the conclusion. What it will tell is added to `told`.

    Never raises: a report that we fail to read must not stand in the way of all others.
    """
    if recipient is None:
        return Conclusion(NOBODYS, "The message is gone")
    try:
        return _conclude(incoming, recipient, told)
    except Exception:
        logger.exception("Report %s could not be read", incoming.pk)
        return Conclusion(FAILED, "Reading it failed: see the log", recipient.message_id)


def _conclude(incoming: IncomingReport, recipient: Recipient, told: Told) -> Conclusion:
    content = _as_delivered(incoming)
    report = _about(recipient, reports.read(content))
    if report is None:
        note = f"Nothing to report. {_described(content)}"
        outcome = OTHER if reports.is_other(content) else NOTHING
        return Conclusion(outcome, note, recipient.message_id)

    said = " ".join(filter(None, (report.kind, report.status, report.reason)))
    # One bounce may be reported by several servers on the way, or by our own attempt before.
    news = (recipient.message_id, recipient.address, report.kind)
    if news in told and report.kind != Kind.SOFT_BOUNCE:
        return Conclusion(KNOWN, f"{said}; known already", recipient.message_id)
    event = _event(recipient, report, incoming.received_at)
    told.add(news)
    return Conclusion(
        report.kind, said, recipient.message_id, event, _suppression(recipient, report)
    )


def _as_delivered(incoming: IncomingReport) -> bytes:
    """Return the content with its Return-Path, as the last server writes it (RFC 5321 §4.4).

    That it comes from nobody is what tells many a notice from a letter.
    """
    return_path = f"Return-Path: <{incoming.reverse_path}>\r\n"
    return return_path.encode("utf-8", "replace") + bytes(incoming.content or b"")


def _about(recipient: Recipient, told: Sequence[Report]) -> Report | None:
    """Return what a report says of the recipient: by its address, or else the gravest of all."""
    ours = recipient.address.lower()
    own = [one for one in told if ours in (one.recipient.lower(), one.original_recipient.lower())]
    return max(own or told, key=lambda one: GRAVITY.index(Kind(one.kind)), default=None)


def _described(content: bytes) -> str:
    """Say what a mail is, for staff to see whether we should have understood it."""
    header = mail.parse(content)
    named = [f"{name}: {header.value(name)}" for name in ("from", "subject")]
    return _plain("; ".join(named))[:MAX_NOTE]


def _event(recipient: Recipient, report: Report, received_at: datetime) -> NewEvent:
    message = recipient.message
    return NewEvent(
        kind=Kind(report.kind),
        account_id=recipient.account_id,
        message_id=recipient.message_id,
        recipient=recipient.address,
        destination=recipient.domain,
        sender_domain=message.sender_domain,
        message_class=MessageClass(recipient.message_class),
        timestamp=received_at,
        message_id_header=message.message_id_header,
        tags=message.tags,
        metadata=message.metadata,
        is_test=message.is_test,
        details=details_of(report),
    )


def details_of(report: Report) -> dict[str, object]:
    """Return the details of the event that a report brings about."""
    said = {
        "source": SOURCE,
        "reason": report.reason.value,
        "enhanced_code": report.status,
        "smtp_response": report.diagnostic,
        "reporter": report.reporter,
    }
    return {name: _plain(value) for name, value in said.items() if value}


def _plain(text: str) -> str:
    """Return what somebody wrote as PostgreSQL can keep it, and not more than is of use."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:MAX_SAID]


def _suppression(recipient: Recipient, report: Report) -> Learned | None:
    """Return what is to be put on the account's list, if anything."""
    if recipient.message.is_test or not report.suppresses or not _is_own(recipient, report):
        return None
    is_complaint = report.kind == Kind.COMPLAINT
    return Learned(
        account_id=recipient.account_id,
        address=f"{recipient.address.rpartition('@')[0].lower()}@{recipient.domain}",
        reason=Suppression.Reason.COMPLAINT if is_complaint else Suppression.Reason.BOUNCE,
        note=_plain(f"{report.status} {report.diagnostic}".strip())[:MAX_NOTE],
        message_id=recipient.message_id,
    )


def _is_own(recipient: Recipient, report: Report) -> bool:
    """Whether a failure is that of our recipient, and not of somebody whom it forwards to.

    Servers name a mailbox otherwise than it was addressed, but seldom in another domain.
    """
    if report.kind == Kind.COMPLAINT or not report.recipient:
        return True
    try:
        return split_address(report.recipient)[1] == recipient.domain
    except AddressError:
        return True  # no address at all: a name within their own walls
