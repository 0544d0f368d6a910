"""What the REST API says of messages, recipients, attempts and refusals."""

from typing import Any

from django.utils import timezone

from domains.addresses import Mailbox
from events.models import Event
from events.suppressions import Asked
from messages.models import Attempt, Message, Recipient, Refusal, State
from messages.rest_door import Taken, Turned

# Characters of a field of the header that are shown; each may be as long as a header.
MAX_SHOWN = 998


def of_taken(one: Taken, body: dict[str, Any], suppressed: set[Asked]) -> dict[str, Any]:
    """Return what the sender of a message is told of it. All lists are arrays, always."""
    accepted, order = one.accepted, one.order
    account, message_class = accepted.submission.sender.account_id, accepted.message_class
    return {
        "id": str(accepted.id),
        "from": body["from"],
        "to": _as_given(body.get("to"), order.to),
        "cc": _as_given(body.get("cc"), order.cc),
        "subject": accepted.subject,
        "test_mode": accepted.is_test,
        "tags": list(accepted.options.tags),
        "state": _state_of(one),
        "recipients": {
            address: "suppressed" if (account, address, message_class) in suppressed else "queued"
            for address in accepted.submission.recipients
        },
        "metadata": accepted.options.metadata,
        "message_id_header": accepted.message_id_header,
        "send_at": order.send_at.isoformat().replace("+00:00", "Z") if order.send_at else None,
    }


def _as_given(value: object, mailboxes: list[Mailbox]) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [f"{one.display_name} <{one.address}>".strip() if one.display_name else one.address
            for one in mailboxes]  # fmt: skip


def _state_of(one: Taken) -> str:
    if one.accepted.is_test:
        return "test"
    return "scheduled" if one.order.send_at else "queued"


def errors_of(turned: Turned) -> list[dict[str, str]]:
    """Return each thing that is wrong with a message, with the pointer of its field."""
    return [
        {"pointer": one.pointer, "code": one.code, "detail": one.text} for one in turned.problems
    ]


def of_message(message: Message) -> dict[str, Any]:
    """Return a message as lists show it, with where each recipient stands."""
    return {
        "id": message.id,
        "created_at": message.accepted_at,
        "from": message.header_from[:MAX_SHOWN],
        "reverse_path": message.reverse_path,
        "sender_domain": message.sender_domain,
        "subject": message.subject[:MAX_SHOWN],
        "message_id_header": message.message_id_header[:MAX_SHOWN],
        "priority": message.get_message_class_display(),
        "tags": message.tags,
        "metadata": message.metadata,
        "test_mode": message.is_test,
        "send_at": message.send_at,
        "size": message.size,
        "door": message.door,
        "spam_score": message.spam_score,
        "recipients": [of_recipient(one) for one in message.recipients.all()],
    }


def of_recipient(recipient: Recipient) -> dict[str, Any]:
    """Return where a recipient stands; one that is not due yet is called scheduled."""
    state: str = recipient.state
    is_first = state == State.QUEUED and recipient.attempt_count == 0
    if is_first and recipient.due_at and recipient.due_at > timezone.now():
        state = "scheduled"
    return {
        "address": recipient.address,
        "state": state,
        "attempt_count": recipient.attempt_count,
        "next_attempt_at": None if recipient.state == State.LEASED else recipient.due_at,
        "settled_at": recipient.settled_at,
        "reply": recipient.reply,
    }


def of_attempt(attempt: Attempt) -> dict[str, Any]:
    """Return one try at a recipient."""
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "seconds": attempt.duration.total_seconds(),
        "exchanger": attempt.exchanger,
        "address": attempt.address,
        "tls": attempt.tls,
        "tls_verified": attempt.is_verified,
        "reply": attempt.reply,
        "dialogue": attempt.dialogue,
        "phases": [{"phase": name, "seconds": ms / 1000} for name, ms in attempt.steps],
    }


def of_event(event: Event) -> dict[str, Any]:
    """Return an event of a message whose facts are told beside it."""
    return {
        "id": event.id,
        "timestamp": event.timestamp,
        "kind": event.kind,
        "recipient": event.recipient,
        "details": event.details,
    }


def of_refusal(refusal: Refusal) -> dict[str, Any]:
    """Return a submission that was not taken."""
    return {
        "id": refusal.pk,
        "created_at": refusal.refused_at,
        "credential": refusal.credential.username if refusal.credential else None,
        "door": refusal.door,
        "client_address": refusal.client_address,
        "from": refusal.reverse_path,
        "recipients": refusal.recipients,
        "cause": refusal.cause,
        "reply": refusal.reply,
    }
