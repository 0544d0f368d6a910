"""Take a message in: check it, make it ready to leave, and write it down before anyone says yes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from psycopg.types.json import Jsonb

from accounts.message_class import MessageClass
from events.bulk import copy_rows
from events.identifiers import new_id
from events.models import Tally
from events.tallies import Sums
from messages import header, idempotency, metrics, options, policy, spreading, stamps
from messages.header import Field, HeaderError
from messages.idempotency import Claim
from messages.models import Content, Door, Message, Recipient, State
from messages.options import NOTHING, Options
from messages.refusals import Cause, Refused
from messages.sender import Sender
from messages.seven_bit import CannotEncode, to_seven_bit
from messages.spam import rules
from messages.spam.verdict import Verdict
from messages.spreading import AT_ONCE, Place, Stream

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a door hands in: an envelope, a content, and who brings it."""

    sender: Sender
    door: Door
    reverse_path: str
    recipients: dict[str, str]  # address as given: its domain as lower-case A-labels
    content: bytes  # RFC 5322, line ends CRLF
    options: Options = NOTHING  # what the door was told beside the content
    send_at: datetime | None = None  # not before; None: at once


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that keeps all rules and is ready to be written."""

    id: UUID
    submission: Submission
    accepted_at: datetime
    options: Options
    header_from: str
    sender_domain: str
    subject: str
    message_id_header: str
    content: bytes  # as it leaves, but for the signature
    verdict: Verdict
    is_scanned: bool = True  # False: the scanner is asked again before the first attempt

    @property
    def message_class(self) -> MessageClass:
        asked = self.options.message_class
        return MessageClass.STANDARD if asked is None else asked

    @property
    def is_test(self) -> bool:
        return self.options.is_test or self.submission.sender.is_test

    @property
    def track_opens(self) -> bool:
        asked = self.options.track_opens
        usual = self.sender_domain in self.submission.sender.opens_tracked
        return usual if asked is None else asked

    @property
    def track_clicks(self) -> bool:
        asked = self.options.track_clicks
        usual = self.sender_domain in self.submission.sender.clicks_tracked
        return usual if asked is None else asked


def check(submission: Submission) -> Accepted:
    """Hold a submission against every rule and make the message that leaves. Raises Refused."""
    policy.limit_size(submission.sender, len(submission.content))
    try:
        fields, body = header.split(submission.content)
    except HeaderError as error:
        raise Refused(Cause.MALFORMED, str(error)) from error
    policy.refuse_duplicates(fields)
    policy.refuse_loops(fields)
    author = policy.author(submission.sender, fields)
    policy.refuse_attachments(fields, body)
    verdict = rules.score(fields, body)
    policy.refuse_spam(verdict)
    asked = submission.options.over(options.read(fields))

    policy.limit_unsubscribe(asked)

    message_id, now = new_id(), datetime.now(UTC)
    kept = [field for field in fields if not stamps.is_stripped(field)]
    kept += stamps.missing(kept, message_id, author.domain, now)
    try:
        kept, body = to_seven_bit(kept, body)
    except CannotEncode as error:
        raise Refused(Cause.MALFORMED, str(error)) from error
    trace = stamps.trace(submission.sender.account_public_id, submission.door, message_id, now)
    content = b"".join([trace, *(field.raw for field in kept), b"\r\n", body])
    accepted = Accepted(
        id=message_id,
        submission=submission,
        accepted_at=now,
        options=asked,
        header_from=_text(kept, b"from"),
        sender_domain=author.domain,
        subject=_text(kept, b"subject"),
        message_id_header=_text(kept, b"message-id"),
        content=content,
        verdict=verdict,
    )
    if not accepted.is_test:
        policy.limit_class(submission.sender, accepted.message_class)
    return accepted


def _text(fields: list[Field], name: bytes) -> str:
    found = header.find(fields, name)
    return found[0].text if found else ""


MESSAGE_COLUMNS = (
    "id", "account", "credential", "door", "message_class", "reverse_path", "sender_domain",
    "header_from", "subject", "message_id_header", "tags", "metadata", "size", "accepted_at",
    "send_at", "is_test", "spam_score", "spam_rules", "is_scanned", "track_opens", "track_clicks",
    "offers_unsubscribe",
)  # fmt: skip
RECIPIENT_COLUMNS = (
    "message", "account", "message_class", "accepted_at", "address", "domain", "state", "due_at",
    "attempt_count", "reply",
)  # fmt: skip


Answer = tuple[Claim, dict[str, object]]


def store(batch: Sequence[Accepted], answers: Sequence[Answer] = ()) -> None:
    """Write messages, contents, recipients and their tallies in one transaction, and commit it.

    `answers` are what requests with an idempotency key are told. Only when this returns may a
    door answer 250 or 202. Raises ClaimLost, or what the database raises, and then nothing of the
    batch is written.
    """
    delays = spreading.delays(_digests(batch))
    with transaction.atomic():
        idempotency.complete(answers)
        copy_rows(Message, MESSAGE_COLUMNS, map(_message_row, batch))
        copy_rows(Content, ("message", "data"), ((one.id, one.content) for one in batch))
        copy_rows(
            Recipient,
            RECIPIENT_COLUMNS,
            (row for one in batch for row in _recipient_rows(one, delays)),
        )
        _count(batch)
    _note(batch)


def _note(batch: Sequence[Accepted]) -> None:
    """Count what was committed, and leave a line of each message in the log."""
    now = datetime.now(UTC)
    for one in batch:
        door = one.submission.door.value
        metrics.ACCEPTED.labels(door, one.message_class.label).inc()
        metrics.ACCEPTANCE_SECONDS.labels(door).observe((now - one.accepted_at).total_seconds())
        facts = {
            "message_id": one.id,
            "account": one.submission.sender.account_public_id,
            "message_class": one.message_class.label,
            "recipients": len(one.submission.recipients),
            "size": len(one.submission.content),
        }
        logger.info("accepted", extra={"facts": facts})


def _message_row(one: Accepted) -> tuple[object, ...]:
    submission = one.submission
    return (
        one.id,
        submission.sender.account_id,
        submission.sender.credential_id,
        submission.door.value,
        one.message_class.value,
        submission.reverse_path,
        one.sender_domain,
        one.header_from,
        one.subject,
        one.message_id_header,
        list(one.options.tags),
        Jsonb(one.options.metadata),
        len(submission.content),
        one.accepted_at,
        submission.send_at,
        one.is_test,
        one.verdict.score,
        list(one.verdict.rules),
        one.is_scanned,
        one.track_opens,
        one.track_clicks,
        one.options.unsubscribe,
    )


def _digests(batch: Sequence[Accepted]) -> dict[Place, Stream]:
    return {
        (one.id, address): (one.submission.sender.account_id, domain)
        for one in batch
        if one.message_class is MessageClass.DIGEST and not one.is_test
        for address, domain in one.submission.recipients.items()
    }


def _recipient_rows(one: Accepted, delays: Mapping[Place, timedelta]) -> list[tuple[object, ...]]:
    first = one.submission.send_at or one.accepted_at
    return [
        (
            one.id,
            one.submission.sender.account_id,
            one.message_class.value,
            one.accepted_at,
            address,
            domain,
            State.QUEUED.value,
            first + delays.get((one.id, address), AT_ONCE),
            0,
            "",
        )
        for address, domain in one.submission.recipients.items()
    ]


def _count(batch: Sequence[Accepted]) -> None:
    sums = Sums()
    for one in batch:
        if one.is_test:
            continue
        sums.add(
            Tally.ACCEPTED, one.submission.sender.account_id, one.accepted_at, one.message_class,
            one.options.tags, one.sender_domain, one.submission.recipients.values(),
        )  # fmt: skip
    sums.write()
