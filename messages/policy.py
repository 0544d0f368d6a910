"""What we take and what we do not: one function a rule, each raises Refused."""

from django.conf import settings

from accounts.allowance import is_stopped
from accounts.message_class import MessageClass
from domains.addresses import (
    ONE_MAILBOX,
    AddressError,
    Mailbox,
    excerpt,
    parse_mailboxes,
    split_address,
    unfold,
)
from messages import attachments, header
from messages.attachments import TooComplex
from messages.header import Field
from messages.options import Options
from messages.refusals import Cause, Refused
from messages.sender import Sender
from messages.spam.verdict import Verdict

MAX_RECIPIENTS = 20
# A message that was passed on so often runs in a circle (RFC 5321 §6.3).
MAX_HOPS = 50

# Fields of which RFC 5322 §3.6 allows one. With two, each reader picks his own.
ONLY_ONCE = (b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id")


def require_standing(sender: Sender) -> None:
    """Refuse whose account is suspended, or whose credential may not send."""
    if sender.suspended_for:
        raise Refused(Cause.ACCOUNT_SUSPENDED, f"Account suspended: {sender.suspended_for}")
    if not sender.may_send:
        raise Refused(Cause.SCOPE_MISSING, "This credential may not send; give it the scope send")


def limit_backlog(sender: Sender) -> None:
    """Put off whose account has two days' allowance held already; tests wait for no volume."""
    if sender.volume.is_full and not sender.is_test:
        raise Refused(
            Cause.VOLUME_LIMIT,
            f"Daily volume limit {sender.volume.allowance} reached; resets 00:00 UTC",
        )


def limit_class(sender: Sender, message_class: MessageClass) -> None:
    """Put off mail of a class that the standing of the account has stopped."""
    if is_stopped(message_class, sender.volume.standing):
        raise Refused(
            Cause.SENDING_PAUSED,
            f"Sending of {message_class.label} mail is paused: too many bounces or complaints",
        )


def limit_size(sender: Sender, size: int) -> None:
    """Refuse more octets than the account may send in one message."""
    if size > sender.max_message_size:
        raise too_big(sender.max_message_size)


def too_big(limit: int) -> Refused:
    """Return the refusal of a message of more octets than that."""
    return Refused(Cause.TOO_BIG, f"Message too big (limit {limit} bytes)")


def require_own_reverse_path(sender: Sender, reverse_path: str) -> None:
    """Refuse an envelope sender outside the verified domains of the account."""
    if not reverse_path:
        raise Refused(
            Cause.NULL_SENDER,
            "The empty reverse-path <> cannot be used here; give a sender address",
        )
    try:
        domain = split_address(reverse_path)[1]
    except AddressError as error:
        raise Refused(Cause.INVALID_SENDER, str(error)) from error
    _require_own_domain(sender, domain)


def _require_own_domain(sender: Sender, domain: str) -> None:
    if domain not in sender.domains:
        raise Refused(Cause.DOMAIN_NOT_VERIFIED, f"Sender domain {domain} is not verified")
    if sender.only_domains and domain not in sender.only_domains:
        raise Refused(
            Cause.DOMAIN_NOT_ALLOWED, f"This credential may not send under the domain {domain}"
        )


def recipient_domain(address: str) -> str:
    """Return the domain of a recipient as lower-case A-labels; refuse what mail cannot reach."""
    if address.endswith("]"):
        raise Refused(Cause.ADDRESS_LITERAL, "Address literals are not accepted; use a domain name")
    try:
        return split_address(address)[1]
    except AddressError as error:
        raise Refused(Cause.INVALID_RECIPIENT, str(error)) from error


def too_many_recipients(*, may_split: bool) -> Refused:
    """Return the refusal of one recipient more; who `may_split` gets the rest in another one."""
    cause = Cause.RELAY_MUST_SPLIT if may_split else Cause.TOO_MANY_RECIPIENTS
    return Refused(cause, f"Too many recipients (max {MAX_RECIPIENTS})")


def author(sender: Sender, fields: list[Field]) -> Mailbox:
    """Return the one mailbox of the header From; refuse none, several, or somebody else's."""
    found = header.find(fields, b"from")
    if not found:
        raise Refused(Cause.MALFORMED, "The header has no From field")
    try:
        mailboxes = parse_mailboxes(found[0].value)
    except AddressError as error:
        raise Refused(Cause.MALFORMED, f"The From field cannot be read: {error}") from error
    # A group is no mailbox, even where it holds but one: readers of DMARC find no domain in it.
    if len(mailboxes) != 1 or not ONE_MAILBOX.fullmatch(unfold(found[0].value)):
        raise Refused(Cause.MALFORMED, "The From field must name exactly one mailbox")
    _require_own_domain(sender, mailboxes[0].domain)
    return mailboxes[0]


def refuse_duplicates(fields: list[Field]) -> None:
    """Refuse a second From, Subject and the like, which readers would choose between."""
    for name in ONLY_ONCE:
        if len(header.find(fields, name)) > 1:
            raise Refused(
                Cause.MALFORMED, f"The header has more than one {name.decode().title()} field"
            )


def refuse_loops(fields: list[Field]) -> None:
    """Refuse a message that has come around too often."""
    if len(header.find(fields, b"received")) > MAX_HOPS:
        raise Refused(Cause.LOOP, "Too many Received fields: the message runs in a loop")


def refuse_attachments(fields: list[Field], body: bytes) -> None:
    """Refuse what some mail client would save or open as a program, by whatever name."""
    try:
        name = attachments.forbidden_name(fields, body)
    except TooComplex as error:
        raise Refused(Cause.MALFORMED, str(error)) from error
    if name is not None:
        # A reply speaks ASCII.
        shown = name if name.isascii() else excerpt(name)
        raise Refused(Cause.ATTACHMENT, f"Attachment type not permitted: {shown}")


def limit_unsubscribe(asked: Options) -> None:
    """Refuse to offer it with other mail than digests: the rest is sent whatever anyone clicks."""
    if asked.unsubscribe and asked.message_class is not MessageClass.DIGEST:
        raise Refused(
            Cause.INVALID_UNSUBSCRIBE,
            "Only a message of the class digest can offer to unsubscribe",
        )


def refuse_spam(verdict: Verdict) -> None:
    """Refuse what scores too high, or what the scanner rejects by rules of its own."""
    if is_spam(verdict):
        raise Refused(
            Cause.SPAM,
            f"Message refused: content scored {verdict.score:.1f}"
            f" (limit {settings.SPAM_LIMIT:.1f})",
        )


def is_spam(verdict: Verdict) -> bool:
    return verdict.is_rejected or verdict.score >= settings.SPAM_LIMIT
