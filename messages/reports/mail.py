"""Read a mail as its parts (RFC 5322, RFC 2045 to 2047), however badly it is written.

Nothing is ever an error, and nothing takes long: what goes beyond a limit is left unread.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from messages.attachments.encodings import (
    decode_base64,
    decode_charset,
    decode_quoted_printable,
    decode_words,
    plain,
)
from messages.reports import hypertext

MAX_OCTETS = 2 * 1024 * 1024  # reports are a hundredth of it; the rest is the original's content
MAX_DEPTH = 8  # multiparts within each other; real reports have three
MAX_PARTS = 100
MAX_FIELDS = 1000  # of one header
MAX_FIELD = 10_000  # octets of one field
MAX_HEADER = 256 * 1024  # octets
MAX_TEXT = 256 * 1024  # characters of one part's text

_LINE_END = re.compile(rb"\r\n?")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*+:(.*)")
_MEDIA_TYPE = re.compile(r"\s*+([\w!#$&^.+-]++)\s*+/\s*+([\w!#$&^.+-]++)", re.ASCII)
_PARAMETER = re.compile(r';\s*+([\w*-]++)\s*+=\s*+(?:"([^"]*+)"|([^;"\s]++))', re.ASCII)
# A boundary that nobody declared: two hyphens and a word, and fields about a content behind it.
_UNDECLARED = re.compile(rb"^--([^\s][^\n]{0,199})\ncontent-", re.IGNORECASE | re.MULTILINE)

_HEADER_FIELD = re.compile(
    rb"^(?:received|return-path|message-id|content-type|mime-version):",
    re.IGNORECASE | re.MULTILINE,
)

ORIGINALS = frozenset(
    {
        "message/rfc822",
        "message/global",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
        "message/rfc822-headers",
        "message/global-headers",
    }
)


@dataclass(slots=True)
class Part:
    """A mail, or a part of one: a header and a content."""

    fields: list[tuple[str, str]]  # names in lower case, values unfolded and otherwise as written
    content: bytes  # as it stands there, lines ending in LF
    media_type: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    children: list["Part"] = field(default_factory=list)  # of a multipart

    def value(self, name: str) -> str:
        """Return the first field of a name (in lower case) as people read it, or ""."""
        return next((shown(value) for other, value in self.fields if other == name), "")

    def walk(self) -> Iterator["Part"]:
        """Return all parts that hold something themselves, in their order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.walk()

    @property
    def octets(self) -> bytes:
        """The content without its transfer encoding."""
        encoding = self.value("content-transfer-encoding").strip().lower()
        if encoding.startswith("base64"):
            return _LINE_END.sub(b"\n", decode_base64(self.content))
        if encoding.startswith("quoted"):
            return _LINE_END.sub(b"\n", decode_quoted_printable(self.content))
        return self.content

    @property
    def text(self) -> str:
        """The content as people read it."""
        charset = self.parameters.get("charset", "").lower()
        text = decode_charset(self.octets[: 4 * MAX_TEXT], charset)[:MAX_TEXT]
        return hypertext.plain(text) if self.media_type == "text/html" else text


def parse(octets: bytes) -> Part:
    """Read a whole mail, or as much of it as the limits allow."""
    return _Reader().read(_LINE_END.sub(b"\n", octets[:MAX_OCTETS]).lstrip(b"\n"))


def unwrapped(part: Part) -> Part | None:
    """Return the mail that a gateway has put whole into another one, or None."""
    first = next(part.walk())
    if first is part or first.media_type != "message/rfc822":
        return None
    inner = parse(first.octets)
    is_same = all(inner.value(name) == part.value(name) for name in ("from", "subject"))
    return inner if is_same else None


def shown(value: str) -> str:
    """Return a field's value with its encoded words decoded."""
    return decode_words(value.encode("utf-8", "replace")) if "=?" in value else value


def parse_fields(block: bytes) -> list[tuple[str, str]]:
    """Return the fields in a block of lines; lines that are none are left out."""
    fields: list[tuple[str, list[bytes]]] = []
    for line in block[:MAX_HEADER].split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if fields and len(fields[-1][1]) < MAX_FIELDS:
                fields[-1][1].append(b" " + line.strip())
        elif (found := _FIELD.match(line)) and len(fields) < MAX_FIELDS:
            fields.append((found[1].decode("ascii").lower(), [found[2].strip()]))
    return [(name, plain(b"".join(lines)[:MAX_FIELD]).strip()) for name, lines in fields]


class _Reader:
    def __init__(self) -> None:
        self._parts = 0

    def read(self, octets: bytes, default: str = "text/plain", depth: int = 0) -> Part:
        self._parts += 1
        header, content = _split(octets)
        part = Part(parse_fields(header), content)
        declared = part.value("content-type")
        written = _MEDIA_TYPE.match(declared)
        part.media_type = f"{written[1]}/{written[2]}".lower() if written else default
        part.parameters = {
            name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(declared)
        }
        is_composite = part.media_type.startswith("multipart/") or (
            depth == 0 and _is_undeclared(part)
        )
        if is_composite and depth < MAX_DEPTH:
            part.children = self._children(part, depth)
        return part

    def _children(self, part: Part, depth: int) -> list[Part]:
        default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        pieces = _cut(part.content, part.parameters.get("boundary", ""))
        children = []
        for piece in pieces:
            if self._parts >= MAX_PARTS:
                break
            children.append(self.read(piece, default, depth + 1))
        return children


def _is_undeclared(part: Part) -> bool:
    """Whether a mail that says it is text begins with the parts of a multipart."""
    first = _UNDECLARED.search(part.content)
    # Behind a header the parts are those of a message that is returned in the text.
    return first is not None and not _HEADER_FIELD.search(part.content[: first.start()])


def _split(octets: bytes) -> tuple[bytes, bytes]:
    """Part header and content at the first empty line."""
    if octets.startswith(b"\n"):
        return b"", octets[1:]
    header, _, content = octets.partition(b"\n\n")
    return header, content


def _cut(content: bytes, boundary: str) -> list[bytes]:
    """Return the parts of a multipart, its last one whether or not a delimiter ends it."""
    text = b"\n" + content
    delimiters = _delimiters(text, boundary.encode("utf-8", "replace")) if boundary else []
    if not delimiters and (undeclared := _UNDECLARED.search(content)):
        # The header says something else than the body has.
        delimiters = _delimiters(text, undeclared[1])
    ends = [delimiter.start() for delimiter in delimiters[1:]] + [len(text)]
    return [
        text[delimiter.end() : end].removeprefix(b"\n")
        for delimiter, end in zip(delimiters, ends, strict=False)
        if not delimiter[1]
    ]


def _delimiters(text: bytes, boundary: bytes) -> list[re.Match[bytes]]:
    """Return the lines that part a multipart, up to the one that closes it."""
    found = []
    line = rb"\n[ \t]*+--%b(--)?[ \t]*+(?=\n|\Z)" % re.escape(boundary.rstrip())
    for delimiter in re.finditer(line, text):
        found.append(delimiter)
        if delimiter[1] or len(found) > MAX_PARTS:
            break
    return found
