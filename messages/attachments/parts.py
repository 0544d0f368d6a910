"""Find every header of a part in a message, whatever its boundaries are (RFC 2046).

Clients disagree about odd boundaries, so that none is read here: in a composite message, every
line that begins with two hyphens may start a part, if fields about a content follow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from messages.attachments import calendar, cms, contents
from messages.attachments import names as names_of_parts
from messages.attachments.encodings import decode_base64, decode_quoted_printable
from messages.attachments.limits import Budget, limit_depth
from messages.attachments.names import Fields

_DELIMITER = re.compile(rb"\n--")
_BLANK_LINE = re.compile(rb"\n\r?\n|\Z")
_LINE_ENDS = re.compile(rb"[\r\n]*+")
_FIELD = re.compile(
    rb"^(content-[a-z-]{1,40}+)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)", re.IGNORECASE | re.MULTILINE
)
_HEADER_LINES = re.compile(rb"(?:(?:--[^\n]*+|[!-9;-~]++[ \t]*+:[^\n]*+|[ \t][^\n]*+)(?:\n|\Z))*+")
_COMPOSITE = re.compile(rb"multipart|message[^;]*/", re.IGNORECASE)
_MESSAGE = re.compile(rb"message[^;]*/", re.IGNORECASE)
_MULTIPART = b"Content-Type: multipart/mixed"
_FIRST_FIELD = re.compile(rb"content-[a-z-]{1,40}+[ \t]*+:", re.IGNORECASE)
_MESSAGE_NAME = re.compile(rb"\.(?:eml|mht|mhtml)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A header of a part and what follows it, up to the next one."""

    fields: Fields
    content: bytes

    def about(self, name: bytes) -> bytes:
        """Return the values of all fields of a name, in lower case."""
        return b" ".join(value for field, value in self.fields if field == name).lower()


def names(header: bytes, body: bytes, budget: Budget, depth: int = 0) -> Iterator[str]:
    """Return every name in a message; of its header, the fields Content-... are enough."""
    limit_depth(depth)
    yield from contents.names(body, budget)
    for part in _parts(header, body, budget):
        found = list(names_of_parts.names(part.fields, budget))
        yield from found
        encoding = part.about(b"content-transfer-encoding")
        if b"base64" in encoding or b"quoted" in encoding:
            yield from _names_decoded(part, encoding, found, budget, depth)
        elif _is_calendar(part, found):
            yield from calendar.names(part.content, budget)


def _parts(header: bytes, body: bytes, budget: Budget) -> Iterator[Part]:
    fields, start = _fields(header), 0
    if _is_composite(fields) or _is_message(fields):
        for block_start, block_end in _blocks(body, _is_message(fields)):
            budget.spend("parts")
            yield Part(fields, body[start:block_start])
            block = body[block_start:block_end]
            fields, start = _fields(block), block_end
            # Where the blank line was forgotten, the content begins within the block.
            lines = _HEADER_LINES.match(block)
            if lines and block[lines.end() :].strip():
                yield Part(fields, block[lines.end() :])
    yield Part(fields, body[start:])


def _blocks(body: bytes, is_message: bool) -> Iterator[tuple[int, int]]:
    """Return start and end of each run of lines that is the header of a part."""
    at = 0
    expected = is_message or body.startswith(b"--")
    while True:
        if expected:
            # Blank lines in front belong to nothing.
            blank_lines = _LINE_ENDS.match(body, at)
            at = blank_lines.end() if blank_lines else at
        else:
            delimiter = _DELIMITER.search(body, max(at - 1, 0))
            if delimiter is None:
                return
            at = delimiter.start() + 1
        blank = _BLANK_LINE.search(body, at)
        end = blank.end() if blank else len(body)
        block = body[at:end]
        fields = _fields(block)
        if fields:
            yield at, end
        # A message begins with a header of its own.
        is_delimiter = block.startswith(b"--")
        expected = end < len(body) and (
            _is_message(fields) or (is_delimiter and _may_be_in_digest(fields, block))
        )
        at = end


def _may_be_in_digest(fields: Fields, block: bytes) -> bool:
    """Whether it is a header without a type, which is that of a message in a digest.

    So it is by RFC 2046 §5.1.5; and behind blank lines some clients find a header anyway.
    """
    lines = _HEADER_LINES.match(block)
    is_header = lines is not None and not block[lines.end() :].strip()
    return is_header and all(name != b"content-type" for name, _ in fields)


def _fields(block: bytes) -> Fields:
    return [(name.lower(), value) for name, value in _FIELD.findall(block)]


def _is_composite(fields: Fields) -> bool:
    return any(name == b"content-type" and _COMPOSITE.search(value) for name, value in fields)


def _is_message(fields: Fields) -> bool:
    """Whether a message follows, or a file that clients open as one."""
    return any(
        _MESSAGE_NAME.search(value) or (name == b"content-type" and _MESSAGE.search(value))
        for name, value in fields
    )


def _names_decoded(
    part: Part, encoding: bytes, found: list[str], budget: Budget, depth: int
) -> Iterator[str]:
    """Return the names in the content of an encoded part, if it may hold any."""
    is_message = _is_message(part.fields) or any(
        _MESSAGE_NAME.search(name.encode("utf-8", "replace")) for name in found
    )
    is_composite = is_message or _is_composite(part.fields)
    if b"base64" in encoding:
        kind = part.about(b"content-type")
        is_text = b"text" in kind or b"/" not in kind
        is_zip = b"zip" in kind or any(".zip" in name.lower() for name in found)
        is_known = is_composite or is_text or is_zip or _is_signed(part, found)
        is_known = is_known or _is_calendar(part, found)
        if not (is_known or contents.may_be_packed(part.content)):
            return
        octets = decode_base64(part.content)
    else:
        octets = decode_quoted_printable(part.content)
    budget.spend("octets to decode", len(octets))
    yield from contents.names(octets, budget)
    if is_composite:
        lines = b"\r\n".join(octets.splitlines())
        header, body = _split(lines) if is_message else (_MULTIPART, lines)
        yield from names(header, body, budget, depth + 1)
    if _is_calendar(part, found):
        yield from calendar.names(octets, budget)
    if _is_signed(part, found):
        for message in cms.signed(octets, budget):
            yield from _names_signed(message, budget, depth)


def _is_calendar(part: Part, found: list[str]) -> bool:
    return b"calendar" in part.about(b"content-type") or any(
        ".ics" in name.lower() for name in found
    )


def _is_signed(part: Part, found: list[str]) -> bool:
    """Whether it is S/MIME that is no text, by its type or by its name (RFC 8551 §3.2.1)."""
    return b"pkcs7-mime" in part.about(b"content-type") or any(
        ".p7m" in name.lower() for name in found
    )


def _names_signed(message: bytes, budget: Budget, depth: int) -> Iterator[str]:
    """Return the names in a message that was signed, from its first field about a content on."""
    first = _FIRST_FIELD.search(message)
    if first:
        header, body = _split(b"\r\n".join(message[first.start() :].splitlines()))
        yield from names(header, body, budget, depth + 1)


def _split(message: bytes) -> tuple[bytes, bytes]:
    message = message.lstrip(b"\r\n")
    blank = _BLANK_LINE.search(message)
    end = blank.end() if blank else len(message)
    return message[:end], message[end:]
