"""Take a stored message apart for people to look at: its texts and its attachments (RFC 2045).

Bytes in, values out. Nothing is ever an error: what cannot be read is shown as it is. What is
nested too deep stays whole, and of too many parts the last are left out; the source has them all.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from messages import header
from messages.attachments import names as part_names
from messages.attachments.encodings import decode_base64, decode_charset, decode_quoted_printable
from messages.attachments.limits import Budget, TooComplex
from messages.header import Field, HeaderError
from messages.seven_bit import bodies, mime
from messages.seven_bit.entity import MAX_PARTS, Walk

# Octets of pictures that are put into a preview, all together.
MOST_PICTURES = 20 * 1024 * 1024
PICTURE = re.compile(rb"image/[a-z0-9.+-]+")
CID = re.compile(r"cid:([^\"'\s<>()]{1,300})", re.IGNORECASE)
# A reading of a name that leaves it as it was encoded.
ENCODED = re.compile(r"=\?|''|%[0-9A-Fa-f]{2}")
CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s\";]{1,60})", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One part that holds no others; `number` counts them from 1, in their order."""

    number: int
    media_type: str  # in lower case
    fields: list[Field]
    body: bytes  # as it was written

    @cached_property
    def name(self) -> str:
        """The name of the file, "" where it has none. A stranger chose it."""
        about = [(one.name, one.raw.partition(b":")[2]) for one in self.fields]
        # A name of the disposition goes before one of the type (RFC 2183 §2.3).
        about.sort(key=lambda field: field[0] != b"content-disposition")
        try:
            readings = list(part_names.names(about, Budget()))
        except TooComplex:
            return ""
        found = next((one for one in readings if not ENCODED.search(one)), "".join(readings[:1]))
        return "".join(letter for letter in found if letter.isprintable())[:255]

    @cached_property
    def octets(self) -> bytes:
        encoding = mime.transfer_encoding(self.fields)
        if encoding == bodies.BASE64:
            return decode_base64(self.body)
        if encoding == bodies.QUOTED_PRINTABLE:
            return decode_quoted_printable(self.body)
        return self.body

    @cached_property
    def text(self) -> str:
        types = header.find(self.fields, b"content-type")
        charset = CHARSET.search(types[0].value) if types else None
        name = charset[1].decode("latin-1").lower() if charset else ""
        return decode_charset(self.octets, name).replace("\r\n", "\n")

    @property
    def content_id(self) -> str:
        found = header.find(self.fields, b"content-id")
        return found[0].text.strip("<> ") if found else ""

    @property
    def is_attached(self) -> bool:
        """Whether it is a file, and no text that a reader is shown."""
        found = header.find(self.fields, b"content-disposition")
        is_named_so = bool(found) and found[0].value.lower().startswith(b"attachment")
        is_text = self.media_type in ("text/plain", "text/html")
        return is_named_so or not is_text or bool(self.name)


@dataclass(frozen=True)
class Anatomy:
    """A message: its header, and all parts of it in their order."""

    fields: list[Field]
    parts: list[Part]

    @cached_property
    def plain(self) -> str:
        """All plain texts, one after the other."""
        return "\n\n".join(part.text for part in self._texts("text/plain"))

    @cached_property
    def html(self) -> str:
        """The first HTML text; "" where there is none."""
        return next((part.text for part in self._texts("text/html")), "")

    @cached_property
    def attachments(self) -> list[Part]:
        """All that is no text to be shown, pictures of the HTML among them."""
        shown = [*self._texts("text/plain"), *self._texts("text/html")[:1]]
        return [part for part in self.parts if not any(part is one for one in shown)]

    def _texts(self, media_type: str) -> list[Part]:
        return [one for one in self.parts if one.media_type == media_type and not one.is_attached]

    def html_with_pictures(self) -> str:
        """Return the HTML with the pictures that the message carries itself (RFC 2392) in it."""
        pictures = {part.content_id: part for part in self.parts if part.content_id}
        left = MOST_PICTURES

        def put_in(match: re.Match[str]) -> str:
            nonlocal left
            part = pictures.get(match[1])
            if part is None or not PICTURE.fullmatch(part.media_type.encode()):
                return match[0]
            left -= len(part.octets)
            if left < 0:
                return match[0]
            return f"data:{part.media_type};base64,{b64encode(part.octets).decode()}"

        return CID.sub(put_in, self.html)


def dissect(content: bytes) -> Anatomy:
    """Return what a content is made of."""
    fields, body = _split(content)
    leaves = _leaves(fields, body, Walk(iter(range(MAX_PARTS)), 0), b"text/plain")
    parts = [
        Part(number, media_type.decode("latin-1"), part_fields, part_body)
        for number, (media_type, part_fields, part_body) in enumerate(islice(leaves, MAX_PARTS), 1)
    ]
    return Anatomy(fields, parts)


Leaf = tuple[bytes, list[Field], bytes]


def _split(content: bytes) -> tuple[list[Field], bytes]:
    try:
        return header.split(content)
    except HeaderError:
        return [], content


def _leaves(fields: list[Field], body: bytes, walk: Walk, default: bytes) -> Iterator[Leaf]:
    kind = mime.media_type(fields, default)
    boundary = mime.boundary(fields) if kind.startswith(b"multipart/") else b""
    pieces = mime.cut(body, boundary) if boundary and not walk.is_over else []
    if not pieces:
        # A multipart that is none is read as text, as mail programs do.
        yield (b"text/plain" if kind.startswith(b"multipart/") else kind), fields, body
        return
    inner = b"message/rfc822" if kind == b"multipart/digest" else b"text/plain"
    for delimiter, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if mime.is_close(delimiter, boundary):
            return
        yield from _leaves(*_split(piece.removeprefix(mime.CRLF)), walk.deeper(), inner)
