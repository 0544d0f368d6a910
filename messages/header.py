"""Read the header of a message without touching a byte of it (RFC 5322 §2.2).

Bytes in, values out: a field is its own bytes, folding and final CRLF included, so that whatever is
kept is kept exactly.
"""

import re
from dataclasses import dataclass

from domains.addresses import ENCODED_WORD, decode_word

# A header is read whole and kept in memory; beyond this nobody means well.
MAX_HEADER = 256 * 1024
MAX_FIELDS = 1000

# A field name is printable ASCII but for the colon (RFC 5322 §3.6.8); blanks before the colon are
# obsolete syntax (§4.5) that some clients still read.
FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\r]*(?:\r\n[ \t][^\r]*)*\r\n")

# White space between two encoded words is not shown (RFC 2047 §6.2).
BETWEEN_ENCODED_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?)")


class HeaderError(Exception):
    """The bytes are no RFC 5322 header; the text says where."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field."""

    name: bytes  # lower case
    raw: bytes  # the whole field with its final CRLF

    @property
    def value(self) -> bytes:
        """The body of the field: unfolded, without blanks at its ends."""
        return self.raw.partition(b":")[2].replace(b"\r\n", b"").strip()

    @property
    def text(self) -> str:
        """The body as people read it: encoded words decoded (RFC 2047), no NUL."""
        plain = self.value.decode("utf-8", "replace").replace("\x00", "")
        if "=?" not in plain:
            return plain
        words = BETWEEN_ENCODED_WORDS.sub("", plain)
        return ENCODED_WORD.sub(decode_word, words).replace("\x00", "")


def split(content: bytes) -> tuple[list[Field], bytes]:
    """Return the header fields of a content and the body behind the blank line.

    Lines must end in CRLF. A content without a blank line is all header. Raises HeaderError.
    """
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER)
    if content.startswith(b"\r\n"):
        return [], content[2:]
    if end < 0 and len(content) > MAX_HEADER:
        raise HeaderError(f"The header is longer than {MAX_HEADER} octets")
    block, body = (content, b"") if end < 0 else (content[: end + 2], content[end + 4 :])
    return _fields(block), body


def _fields(block: bytes) -> list[Field]:
    fields: list[Field] = []
    position = 0
    while position < len(block):
        match = FIELD.match(block, position)
        if match is None:
            line = block.count(b"\r\n", 0, position) + 1
            raise HeaderError(f"Line {line} of the header is not a field")
        fields.append(Field(match[1].lower(), match[0]))
        if len(fields) > MAX_FIELDS:
            raise HeaderError(f"The header has more than {MAX_FIELDS} fields")
        position = match.end()
    return fields


def find(fields: list[Field], name: bytes) -> list[Field]:
    """Return the fields of a name (given in lower case), in their order."""
    return [field for field in fields if field.name == name]
