"""Make an RFC 5322 content out of what REST takes: a letter in fields, or a message as one text.

Lines end in CRLF, and there is never a Bcc. All that is wrong comes out as one FieldError.
"""

from collections.abc import Sequence

from domains.addresses import AddressError, Mailbox, parse_mailboxes
from messages import header
from messages.header import Field, HeaderError
from messages.letters import checks, fields, parts
from messages.letters.letter import FieldError, Letter, Problem
from messages.smtp.data import has_only_crlf


def compose(letter: Letter) -> bytes:
    """Return a letter as a content of 7-bit lines.

    Only local parts beyond ASCII stay as they are; they need SMTPUTF8. HTML goes before Markdown if
    both are given; where there is no plain text, Markdown is its own. Raises FieldError.
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

    Its From and To must name whom the request names, and so must Cc if the request has it; names
    and order do not matter. Raises FieldError.
    """
    problems = list(checks.subject(subject))
    try:
        found, body = header.split(_content(raw))
    except HeaderError as error:
        problems.append(_problem("malformed", str(error)))
    else:
        problems += _mismatch(found, b"from", [author])
        problems += _mismatch(found, b"to", to)
        problems += _mismatch(found, b"cc", cc) if cc else []
    if problems:
        raise FieldError(problems)
    if subject is not None:
        found = _with_subject(found, subject)
    return b"".join([*(field.raw for field in found if field.name != b"bcc"), b"\r\n", body])
