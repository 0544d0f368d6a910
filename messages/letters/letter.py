"""What a customer gives in fields: a letter, its attachments, and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from domains.addresses import AddressError, Mailbox, parse_mailboxes

# Far above what the policy takes, so that nobody makes us read a million of them.
MAX_ADDRESSES = 100


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter."""

    file_name: str  # "" where it has none
    content: bytes
    content_type: str  # type/subtype, and parameters if there are any
    content_id: str | None = None  # how the HTML refers to it (cid:logo), in <> or without


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in fields. Blind copies are no part of it: the envelope alone knows them."""

    author: Mailbox
    to: Sequence[Mailbox]
    cc: Sequence[Mailbox] = ()
    reply_to: Sequence[Mailbox] = ()
    subject: str | None = None
    plain: str | None = None
    html: str | None = None
    markdown: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    pointer: str  # which field of the request (RFC 6901)
    code: str  # required, invalid, forbidden, duplicate or mismatch
    text: str  # a sentence, in ASCII


class FieldError(ValueError):
    """No message can be made of these fields; `problems` holds all that is wrong with them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.text for problem in problems))


def read_author(value: str, pointer: str = "/from") -> Mailbox:
    """Read the one mailbox that a letter is from. Raises FieldError."""
    mailboxes = read_mailboxes(value, pointer)
    if len(mailboxes) != 1:
        text = "The sender must be exactly one address"
        raise FieldError([Problem(pointer, "invalid", text)])
    return mailboxes[0]


def read_mailboxes(value: str | Sequence[str], pointer: str) -> list[Mailbox]:
    """Read addresses, bare or with names: one string with commas, or several. Raises FieldError."""
    if isinstance(value, str):
        return _read(value, pointer)
    if len(value) > MAX_ADDRESSES:
        text = f"There are more than {MAX_ADDRESSES} addresses here"
        raise FieldError([Problem(pointer, "invalid", text)])
    mailboxes: list[Mailbox] = []
    problems: list[Problem] = []
    for at, one in enumerate(value):
        try:
            found = _read(one, f"{pointer}/{at}")
        except FieldError as error:
            problems += error.problems
            continue
        mailboxes += found
        if not found:
            problems.append(Problem(f"{pointer}/{at}", "invalid", "There is no address here"))
    if problems:
        raise FieldError(problems)
    return mailboxes


def _read(value: str, pointer: str) -> list[Mailbox]:
    try:
        return parse_mailboxes(value)
    except AddressError as error:
        raise FieldError([Problem(pointer, "invalid", str(error))]) from error
