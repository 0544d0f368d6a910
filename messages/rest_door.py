"""The REST door: take messages from requests by the same road as those from SMTP.

It knows nothing of HTTP: values in, and for each of them a Taken or a Turned in their order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.message_class import MessageClass
from events import suppressions
from events.doorbell import ring_soon
from messages import acceptance, metrics, policy, rest_body, scanning
from messages.acceptance import Accepted, Answer, Submission
from messages.doorbell import BELLS
from messages.letters.letter import FieldError, Problem
from messages.models import Door, Refusal
from messages.refusals import Cause, Refused
from messages.rest_body import Order
from messages.sender import Sender
from messages.shared_commit import SharedCommit
from messages.smtp.replies import Reply

# What is to blame for a field that cannot be read; for all others it is the message itself.
CAUSES = {
    "from": Cause.INVALID_SENDER,
    "to": Cause.INVALID_RECIPIENT,
    "cc": Cause.INVALID_RECIPIENT,
    "bcc": Cause.INVALID_RECIPIENT,
    "priority": Cause.INVALID_CLASS,
    "priorty": Cause.INVALID_CLASS,
    "tags": Cause.INVALID_TAGS,
    "metadata": Cause.INVALID_METADATA,
    "test_mode": Cause.INVALID_TEST_MODE,
    "track_opens": Cause.INVALID_TRACKING,
    "track_clicks": Cause.INVALID_TRACKING,
    "unsubscribe": Cause.INVALID_UNSUBSCRIBE,
}

# Of a message that was refused the list shows so much: characters of a sender, and recipients.
MAX_SHOWN = 320
MAX_KEPT = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that keeps all rules, and is not stored yet."""

    order: Order
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class Turned:
    """A message that we do not take, and why."""

    cause: Cause
    text: str
    problems: tuple[Problem, ...]
    reverse_path: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Bid:
    """What could be read, and is to be held against the rules."""

    order: Order
    submission: Submission


def examine(bodies: Sequence[object], sender: Sender) -> list[Taken | Turned]:
    """Hold messages, as requests give them, against all rules."""
    bids = [_read(body, sender) for body in bodies]
    checked = [one if isinstance(one, Turned) else _check(one) for one in bids]
    return _scanned(checked)


def _read(body: object, sender: Sender) -> _Bid | Turned:
    reverse_path, recipients = _claimed_sender(body), list[str]()
    try:
        order = rest_body.read(body)
        reverse_path, known = order.author.address, _recipients(order)
        recipients = list(known)
        _limit_envelope(sender, reverse_path, known)
        content = order.compose()
    except FieldError as error:
        return _unreadable(error, reverse_path, recipients)
    except Refused as refused:
        return _refused(refused, reverse_path, recipients)
    submission = Submission(
        sender, Door.REST, reverse_path, known, content, order.options, order.send_at
    )
    return _Bid(order, submission)


def _claimed_sender(body: object) -> str:
    """Return what stands for the sender in a request that may be unreadable."""
    claimed = body.get("from") if isinstance(body, dict) else None
    return claimed[:MAX_SHOWN] if isinstance(claimed, str) else ""


def _recipients(order: Order) -> dict[str, str]:
    """Return everybody that the message goes to, each once, and the domains."""
    return {one.address: one.domain for one in (*order.to, *order.cc, *order.bcc)}


def _limit_envelope(sender: Sender, reverse_path: str, recipients: dict[str, str]) -> None:
    policy.require_standing(sender)
    policy.limit_backlog(sender)
    policy.require_own_reverse_path(sender, reverse_path)
    if len(recipients) > policy.MAX_RECIPIENTS:
        raise policy.too_many_recipients(may_split=False)


def _check(bid: _Bid) -> Taken | Turned:
    try:
        accepted = acceptance.check(bid.submission)
        if accepted.options.idempotency_key:
            raise Refused(
                Cause.INVALID_KEY,
                "Give the idempotency key in the header Idempotency-Key of the request",
                "/headers",
            )
    except Refused as refused:
        return _refused(refused, bid.submission.reverse_path, bid.submission.recipients)
    return Taken(bid.order, accepted)


def _scanned(checked: list[Taken | Turned]) -> list[Taken | Turned]:
    """Have the scanner look at those that keep the rules, all of them side by side."""
    taken = [one.accepted for one in checked if isinstance(one, Taken)]
    verdicts = iter(scanning.scan_all(taken))
    return [_of_scan(one, next(verdicts)) if isinstance(one, Taken) else one for one in checked]


def _of_scan(one: Taken, scanned: Accepted | Refused) -> Taken | Turned:
    if isinstance(scanned, Refused):
        submission = one.accepted.submission
        return _refused(scanned, submission.reverse_path, submission.recipients)
    return Taken(one.order, scanned)


def _unreadable(error: FieldError, reverse_path: str, recipients: Iterable[str]) -> Turned:
    first, *others = error.problems
    name = first.pointer.partition("/")[2].partition("/")[0]
    text = f"{first.text} (and {len(others)} more)" if others else first.text
    cause = CAUSES.get(name, Cause.MALFORMED)
    return Turned(cause, text, error.problems, reverse_path, tuple(recipients))


def _refused(refused: Refused, reverse_path: str, recipients: Iterable[str]) -> Turned:
    text = refused.reply.text
    problem = Problem(refused.pointer, refused.cause.slug, text)
    return Turned(refused.cause, text, (problem,), reverse_path, tuple(recipients)[:MAX_KEPT])


def record(turned: Iterable[Turned], sender: Sender, client_address: str | None) -> None:
    """Keep what was not taken, for the customer to see."""
    turned = list(turned)
    for one in turned:
        metrics.REFUSED.labels(Door.REST.value, one.cause.slug).inc()
    Refusal.objects.bulk_create(
        Refusal(
            account_id=sender.account_id,
            credential_id=sender.credential_id,
            door=Door.REST,
            client_address=client_address,
            reverse_path=one.reverse_path,
            recipients=list(one.recipients),
            cause=one.cause.slug,
            reply=str(Reply(one.cause.value.code, one.cause.value.status, one.text)),
        )
        for one in turned
    )


def suppressed(taken: Sequence[Taken]) -> set[suppressions.Asked]:
    """Return to whom nothing will be sent: the account, the address as given, and the class."""
    normal = {
        (account, address, message_class): suppressions.normal_form(address)
        for account, message_class, addresses in map(_whom, taken)
        for address in addresses
    }
    asked = {given: (given[0], form, given[2]) for given, form in normal.items()}
    on_list = suppressions.suppressed(asked.values())
    return {given for given, one in asked.items() if one in on_list}


def _whom(one: Taken) -> tuple[int, MessageClass, Iterable[str]]:
    submission = one.accepted.submission
    return submission.sender.account_id, one.accepted.message_class, submission.recipients


def submit(taken: Sequence[Taken], answers: Sequence[Answer] = ()) -> None:
    """Store messages in one transaction, and wake the workers. Raises ClaimLost.

    `answers` are what requests with an idempotency key are told.
    """
    _commits.put(([one.accepted for one in taken], answers))
    # What is not due yet is found by the sweep.
    due = {one.accepted.message_class for one in taken if not one.order.send_at}
    ring_soon(BELLS[message_class] for message_class in due)


Parcel = tuple[list[Accepted], Sequence[Answer]]  # what one request brings, and what it is told


def _store(parcels: list[Parcel]) -> None:
    accepted = [one for messages, _ in parcels for one in messages]
    acceptance.store(accepted, [one for _, answers in parcels for one in answers])


_commits: SharedCommit[Parcel] = SharedCommit(_store)
