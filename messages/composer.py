"""Make an RFC 5322 content out of what REST takes: a letter in fields, or a message as one text.

Lines end in CRLF, and there is never a Bcc. All that is wrong comes out as one FieldError.
"""

from collections.abc import Iterator, Sequence

from domains.addresses import AddressError, Mailbox, parse_mailboxes
from messages import header
from messages.header import Field, HeaderError
from messages.letters import checks, fields, parts
from messages.letters.letter import FieldError, Letter, Problem
from messages.smtp.data import CRLF, has_only_crlf


def compose(letter: Letter) -> bytes:
    """Return a letter as a content of 7-bit lines.

    Only local parts beyond ASCII stay as they are; they need SMTPUTF8. HTML goes before Markdown if
    both are given; where there is no plain text, the Markdown itself is it. Raises FieldError.
    """
    problems = list(checks.problems(letter))
    if problems:
        raise FieldError(problems)
    return b"".join([fields.write(letter), b"MIME-Version: 1.0\r\n", *parts.write(letter)])


def from_raw(
    raw: str,
    author: Mailbox,
    to: Sequence[Mailbox],
    cc: Sequence[Mailbox] = (),
    subject: str | None = None,
) -> bytes:
    """Return a message that is written already as a content, with another subject if one is given.

    From and To in its header must be who the request says, and Cc too where the request has one;
    names and order do not matter. Beyond ASCII it stays as it is. Raises FieldError.
    """
    try:
        found, body = header.split(_content(raw))
    except HeaderError as error:
        raise FieldError([_invalid(str(error))]) from error
    problems = [*checks.subject(subject), *_mismatches(found, b"from", [author])]
    problems += _mismatches(found, b"to", to)
    if cc:
        problems += _mismatches(found, b"cc", cc)
    if problems:
        raise FieldError(problems)
    if subject is not None:
        found = _with_subject(found, subject)
    return b"".join([*(field.raw for field in found if field.name != b"bcc"), CRLF, body])


def _content(raw: str) -> bytes:
    """Return a raw message in octets, its line ends those of mail. Raises FieldError."""
    try:
        content = parts.lf_to_crlf(raw.encode())
    except UnicodeEncodeError as error:
        raise FieldError([_invalid("The message holds half a character")]) from error
    if b"\0" in content or not has_only_crlf(content):
        raise FieldError([_invalid("The message holds a NUL, or a CR without its LF")])
    return content


def _invalid(text: str) -> Problem:
    return Problem("/raw", "invalid", text)


def _mismatches(found: list[Field], name: bytes, wanted: Sequence[Mailbox]) -> Iterator[Problem]:
    """Walk through what keeps a field of the header from naming whom the request names."""
    shown = name.decode().title()
    written = header.find(found, name)
    if len(written) != 1:
        yield _invalid(f"The header must have one {shown} field, not {len(written)}")
        return
    try:
        mailboxes = parse_mailboxes(written[0].value)
    except AddressError as error:
        yield _invalid(f"The {shown} field cannot be read: {error}")
        return
    if {one.address for one in mailboxes} != {one.address for one in wanted}:
        text = f"The addresses in {name.decode()} and in the {shown} field of raw are not the same"
        yield Problem(f"/{name.decode()}", "mismatch", text)


def _with_subject(found: list[Field], text: str) -> list[Field]:
    """Return the fields with this subject, where the first one stood or at the end."""
    subject = Field(b"subject", fields.subject(text))
    names = [field.name for field in found]
    at = names.index(b"subject") if b"subject" in names else len(found)
    others = [field for field in found if field.name != b"subject"]
    return [*others[:at], subject, *others[at:]]
