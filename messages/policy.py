"""What we take and what we do not: one function a rule, each refusal a reply."""

import re

from accounts.message_class import BY_NAME, MessageClass
from domains.addresses import (
    ONE_MAILBOX,
    AddressError,
    Mailbox,
    excerpt,
    parse_mailboxes,
    split_address,
    unfold,
)
from messages import header
from messages.header import Field
from messages.sender import Sender
from messages.smtp.replies import Reply

MAX_RECIPIENTS = 20
MAX_TAGS = 20
MAX_TAG_LENGTH = 64
# A message that was passed on so often runs in a circle (RFC 5321 §6.3).
MAX_HOPS = 50

CLASS_HEADER = b"x-cloudmta-class"
TAGS_HEADER = b"x-cloudmta-tags"

# Fields of which RFC 5322 §3.6 allows one. With two, each reader picks his own.
ONLY_ONCE = (b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id")

TOO_MANY_RECIPIENTS = Reply(550, "5.5.3", f"Too many recipients (max {MAX_RECIPIENTS})")
NOTHING_SENT = Reply(554, "5.5.3", "Too many recipients; nothing was sent")


class Refused(Exception):
    """We do not take the message. Carries the reply that says why."""

    def __init__(self, code: int, status: str, text: str) -> None:
        self.reply = Reply(code, status, text)
        super().__init__(str(self.reply))


def limit_size(sender: Sender, size: int) -> None:
    """Refuse more octets than the account may send in one message."""
    if size > sender.max_message_size:
        raise too_big(sender.max_message_size)


def too_big(limit: int) -> Refused:
    """Return the refusal of a message of more octets than that."""
    return Refused(552, "5.3.4", f"Message too big (limit {limit} bytes)")


def require_own_reverse_path(sender: Sender, reverse_path: str) -> None:
    """Refuse an envelope sender outside the verified domains of the account."""
    if not reverse_path:
        raise Refused(
            550, "5.7.1", "The empty reverse-path <> cannot be used here; give a sender address"
        )
    try:
        domain = split_address(reverse_path)[1]
    except AddressError as error:
        raise Refused(501, "5.1.7", str(error)) from error
    _require_own_domain(sender, domain)


def _require_own_domain(sender: Sender, domain: str) -> None:
    if domain not in sender.domains:
        raise Refused(550, "5.7.1", f"Sender domain {domain} is not verified")


def recipient_domain(address: str) -> str:
    """Return the domain of a recipient as lower-case A-labels; refuse what mail cannot reach."""
    if address.endswith("]"):
        raise Refused(550, "5.1.2", "Address literals are not accepted; use a domain name")
    try:
        return split_address(address)[1]
    except AddressError as error:
        raise Refused(501, "5.1.3", str(error)) from error


def author(sender: Sender, fields: list[Field]) -> Mailbox:
    """Return the one mailbox of the header From; refuse none, several, or somebody else's."""
    found = header.find(fields, b"from")
    if not found:
        raise Refused(554, "5.6.0", "The header has no From field")
    try:
        mailboxes = parse_mailboxes(found[0].value)
    except AddressError as error:
        raise Refused(554, "5.6.0", f"The From field cannot be read: {error}") from error
    # A group is no mailbox, even where it holds but one: readers of DMARC find no domain in it.
    if len(mailboxes) != 1 or not ONE_MAILBOX.fullmatch(unfold(found[0].value)):
        raise Refused(554, "5.6.0", "The From field must name exactly one mailbox")
    _require_own_domain(sender, mailboxes[0].domain)
    return mailboxes[0]


def refuse_duplicates(fields: list[Field]) -> None:
    """Refuse a second From, Subject and the like, which readers would choose between."""
    for name in ONLY_ONCE:
        if len(header.find(fields, name)) > 1:
            raise Refused(
                554, "5.6.0", f"The header has more than one {name.decode().title()} field"
            )


def refuse_loops(fields: list[Field]) -> None:
    """Refuse a message that has come around too often."""
    if len(header.find(fields, b"received")) > MAX_HOPS:
        raise Refused(554, "5.4.6", "Too many Received fields: the message runs in a loop")


def message_class(fields: list[Field]) -> MessageClass:
    """Return the class that `x-cloudmta-class` asks for, standard where it is silent."""
    names = [field.text.lower() for field in header.find(fields, CLASS_HEADER)]
    if not names:
        return MessageClass.STANDARD
    if len(set(names)) > 1 or names[0] not in BY_NAME:
        raise Refused(
            554,
            "5.6.0",
            f"x-cloudmta-class must be one of {', '.join(BY_NAME)}, not {excerpt(names[-1])}",
        )
    return BY_NAME[names[0]]


def tags(fields: list[Field]) -> list[str]:
    """Return the tags of `x-cloudmta-tags`: separated by commas, each once, in their order."""
    pieces = (
        piece for field in header.find(fields, TAGS_HEADER) for piece in field.text.split(",")
    )
    names = list(
        dict.fromkeys(filter(None, (re.sub(r"\s+", " ", piece).strip() for piece in pieces)))
    )
    if len(names) > MAX_TAGS:
        raise Refused(
            554, "5.6.0", f"x-cloudmta-tags holds {len(names)} tags; {MAX_TAGS} are allowed"
        )
    for name in names:
        if len(name) > MAX_TAG_LENGTH:
            raise Refused(
                554, "5.6.0", f"The tag {excerpt(name)} is longer than {MAX_TAG_LENGTH} characters"
            )
    return names
