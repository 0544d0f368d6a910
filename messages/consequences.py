"""What a report comes to: an event, and perhaps a suppression, exactly once.

The token that a report came under says whom it is about, whatever the report itself says.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.message_class import MessageClass
from domains.addresses import AddressError, split_address
from events import ledger, suppressions
from events.bulk import UNAVAILABLE
from events.ledger import NewEvent
from events.models import Event, Kind, Suppression
from events.suppressions import Entry
from messages import metrics, reports
from messages.models import IncomingReport, Recipient
from messages.reports import Report, mail

logger = logging.getLogger(__name__)

# Of several things that a report tells of one recipient, the last of these counts.
GRAVITY = (Kind.SOFT_BOUNCE, Kind.BLOCKED, Kind.BOUNCE, Kind.COMPLAINT)
# `details.source` of an event that a report has brought about, not an attempt of ours.
SOURCE = "report"
MAX_NOTE, MAX_SAID = 300, 1000  # characters

# For metrics, where an event's kind does not say it.
NOBODYS, NOTHING, KNOWN, FAILED = "nobody's", "nothing", "known", "failed"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a report comes to."""

    outcome: str  # a kind of event, or one of the words above
    note: str  # for staff
    message_id: UUID | None = None

    @property
    def state(self) -> IncomingReport.State:
        is_clear = self.outcome not in (NOTHING, FAILED)
        return IncomingReport.State.READ if is_clear else IncomingReport.State.UNCLASSIFIED


def read_all() -> None:
    """Read every report that waits and that nobody else is reading."""
    while _read_next():
        pass


def _read_next() -> bool:
    """Read one report, all that follows from it in one transaction. False: none is waiting."""
    with transaction.atomic():
        incoming = (
            IncomingReport.objects.select_for_update(skip_locked=True)
            .filter(state=IncomingReport.State.UNREAD)
            .order_by("id")
            .first()
        )
        if incoming is None:
            return False
        conclusion = _concluded(incoming)
        incoming.state, incoming.note = conclusion.state, conclusion.note
        incoming.save(update_fields=["state", "note"])
    _tell_operators(incoming, conclusion)
    return True


def _tell_operators(incoming: IncomingReport, conclusion: Conclusion) -> None:
    metrics.REPORTS.labels(conclusion.outcome).inc()
    facts = {
        "message_id": conclusion.message_id,
        "recipient_id": incoming.recipient_id,
        "outcome": conclusion.outcome,
        "note": conclusion.note,
    }
    logger.info("report", extra={"facts": facts})


def _concluded(incoming: IncomingReport) -> Conclusion:
    """Draw the conclusion; one that fails must not stand in the way of all others."""
    try:
        with transaction.atomic():
            return _conclude(incoming)
    except UNAVAILABLE:
        raise  # another time
    except Exception:
        logger.exception("Report %s could not be read", incoming.pk)
        return Conclusion(FAILED, "Reading it failed: see the log")


def _conclude(incoming: IncomingReport) -> Conclusion:
    # The recipient is locked, so that of two reports of one bounce the second sees the first.
    recipient = (
        Recipient.objects.select_for_update(of=("self",))
        .select_related("message", "account")
        .filter(pk=incoming.recipient_id)
        .first()
    )
    if recipient is None:
        return Conclusion(NOBODYS, "The message is gone")
    content = bytes(incoming.content or b"")
    report = _about(recipient, reports.read(content))
    if report is None:
        note = f"Nothing to report. {_described(content)}"
        return Conclusion(NOTHING, note, recipient.message_id)

    said = f"{report.kind} {report.status} {report.reason}".replace("  ", " ")
    if _is_known(recipient, Kind(report.kind)):
        return Conclusion(KNOWN, f"{said}; known already", recipient.message_id)
    ledger.record_all([_event(recipient, report, incoming.received_at)])
    if not recipient.message.is_test and report.suppresses and _is_own(recipient, report):
        suppressions.put(recipient.account, [_suppression(recipient, report)])
    return Conclusion(report.kind, said, recipient.message_id)


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


def _is_known(recipient: Recipient, kind: Kind) -> bool:
    """Whether it was told before: one bounce may be reported by several servers on the way."""
    if kind is Kind.SOFT_BOUNCE:
        return False
    return Event.objects.filter(
        message_id=recipient.message_id, recipient=recipient.address, kind=kind
    ).exists()


def _event(recipient: Recipient, report: Report, received_at: datetime) -> NewEvent:
    message = recipient.message
    return NewEvent(
        kind=Kind(report.kind),
        account_id=recipient.account_id,
        message_id=recipient.message_id,
        recipient=recipient.address,
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


def _suppression(recipient: Recipient, report: Report) -> Entry:
    is_complaint = report.kind == Kind.COMPLAINT
    return Entry(
        address=f"{recipient.address.rpartition('@')[0].lower()}@{recipient.domain}",
        reason=Suppression.Reason.COMPLAINT if is_complaint else Suppression.Reason.BOUNCE,
        note=_plain(f"{report.status} {report.diagnostic}".strip())[:MAX_NOTE],
        message_id=recipient.message_id,
    )
