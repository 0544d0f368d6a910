"""Send a message once more: a new one of the same content, by the same rules as any other."""

from collections.abc import Sequence

from django.db import transaction

from accounts.message_class import MessageClass
from events.doorbell import ring_soon
from messages import acceptance, header, policy, scanning
from messages.acceptance import Accepted, Submission
from messages.doorbell import BELLS
from messages.header import HeaderError
from messages.models import Door, Message, Recipient
from messages.options import Options
from messages.refusals import Cause, Refused
from messages.sender import Sender

# What belongs to the message that was: the new one gets its own. By the old Message-ID a receiver
# would take it for a copy, and drop it.
OF_THE_OLD = frozenset((b"message-id", b"date"))


def resend(
    message: Message, content: bytes, recipients: Sequence[Recipient], sender: Sender
) -> Accepted:
    """Take a message in for some of its recipients, and wake the workers. Raises Refused."""
    policy.require_standing(sender)
    policy.limit_backlog(sender)
    policy.require_own_reverse_path(sender, message.reverse_path)
    submission = _submission(message, content, recipients, sender)
    (accepted,) = scanning.scan_all([acceptance.check(submission)])
    if isinstance(accepted, Refused):
        raise accepted
    acceptance.store([accepted])
    bell = BELLS[accepted.message_class]
    transaction.on_commit(lambda: ring_soon([bell]))
    return accepted


def _submission(
    message: Message, content: bytes, recipients: Sequence[Recipient], sender: Sender
) -> Submission:
    return Submission(
        sender=sender,
        door=Door.PAGE,
        reverse_path=message.reverse_path,
        recipients={one.address: one.domain for one in recipients},
        content=_without_the_old(content),
        options=Options(
            message_class=MessageClass(message.message_class),
            tags=tuple(message.tags),
            metadata=message.metadata,
            is_test=message.is_test,
            track_opens=message.track_opens,
            track_clicks=message.track_clicks,
            unsubscribe=message.offers_unsubscribe,
        ),
    )


def _without_the_old(content: bytes) -> bytes:
    """Return a stored content without our trace, which is its first field, and its identity."""
    try:
        fields, body = header.split(content)
    except HeaderError as error:
        raise Refused(Cause.MALFORMED, str(error)) from error
    if fields and fields[0].name == b"received":
        del fields[0]
    kept = [one for one in fields if one.name not in OF_THE_OLD]
    return b"".join([*(one.raw for one in kept), b"\r\n", body])
