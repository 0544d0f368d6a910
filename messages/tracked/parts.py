"""Cut a message into the HTML texts that a reader is shown, and all the rest as it is (RFC 2045).

What was signed or encrypted is never opened, nor are attachments and messages within messages.
"""

import binascii
import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from messages import header
from messages.attachments.encodings import is_usual_charset
from messages.header import Field, HeaderError
from messages.seven_bit import bodies, mime
from messages.seven_bit.entity import MAX_PARTS, SEALED, Walk
from messages.seven_bit.lines import is_seven_bit

HTML = b"text/html"
PLAIN_ENCODINGS = (b"", b"7bit", b"8bit", b"binary")
# A signature in the text itself covers the text as it is (RFC 9580 §7).
PGP = "-----BEGIN PGP "


@dataclass(frozen=True, slots=True)
class HtmlPart:
    """An HTML text with the header of its part."""

    fields: list[Field]
    text: str
    codec: str  # Python's name of the charset; the text comes out of it and goes into it exactly
    encoding: bytes  # its Content-Transfer-Encoding

    @property
    def is_utf8(self) -> bool:
        return self.codec == "utf-8"

    def with_text(self, text: str) -> bytes:
        """Return the part, header and body, with another text, encoded as it was if possible."""
        body = text.encode(self.codec)
        encoding = self.encoding
        if encoding == bodies.QUOTED_PRINTABLE:
            encoding, body = bodies.encode_quoted_printable(body)
        elif encoding == bodies.BASE64:
            encoding, body = bodies.encode_octets(body)
        elif not is_seven_bit(body):
            # Our links have made a line too long.
            encoding, body = bodies.encode_text(body)
        fields = self.fields
        if encoding != self.encoding:
            fields = mime.set_transfer_encoding(fields, encoding)
        return b"".join([*(field.raw for field in fields), mime.CRLF, body])


Piece = bytes | HtmlPart


def cut(fields: list[Field], body: bytes) -> list[Piece]:
    """Return a message in pieces, which joined are the message: its HTML texts and what is between.

    A message without any is one piece.
    """
    return list(_entity(fields, body, Walk(iter(range(MAX_PARTS)), 0)))


def _entity(fields: list[Field], body: bytes, walk: Walk) -> Iterator[Piece]:
    kind = mime.media_type(fields, b"text/plain")
    if kind == HTML and not walk.is_over:
        yield _html(fields, body) or _joined(fields, body)
    elif kind.startswith(b"multipart/") and kind not in SEALED and not walk.is_over:
        yield from _multipart(fields, body, walk)
    else:
        yield _joined(fields, body)


def _multipart(fields: list[Field], body: bytes, walk: Walk) -> Iterator[Piece]:
    boundary = mime.boundary(fields)
    pieces = mime.cut(body, boundary) if boundary else []
    if not pieces:
        yield _joined(fields, body)
        return
    # The blank line is the line end in front of the preamble, or of the first delimiter.
    yield b"".join([*(field.raw for field in fields), pieces[0]])
    is_over = False
    for delimiter, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        is_over = is_over or mime.is_close(delimiter, boundary)
        yield delimiter
        if is_over:
            yield piece
        else:
            yield from _part(piece, walk)


def _part(piece: bytes, walk: Walk) -> Iterator[Piece]:
    """Cut a part, the line end of its delimiter in front."""
    try:
        fields, body = header.split(piece.removeprefix(mime.CRLF))
    except HeaderError:
        yield piece
        return
    if mime.CRLF + _joined(fields, body) != piece:
        yield piece  # it has no body
        return
    yield mime.CRLF
    yield from _entity(fields, body, walk.deeper())


def _html(fields: list[Field], body: bytes) -> HtmlPart | None:
    """Read a text; None where it is not shown, not for us, or cannot be written as it was."""
    disposition = header.find(fields, b"content-disposition")
    if disposition and disposition[0].value.lower().startswith(b"attachment"):
        return None
    encoding, codec = mime.transfer_encoding(fields), _codec(fields)
    octets = _decoded(body, encoding)
    if octets is None or codec is None:
        return None
    try:
        text = octets.decode(codec)
    except UnicodeError:
        if codec not in ("ascii", "utf-8"):
            return None
        # What it was meant to be we cannot know; markup is ASCII, and the rest stays as it is.
        codec, text = "latin-1", octets.decode("latin-1")
    if PGP in text or text.encode(codec) != octets:
        return None
    return HtmlPart(fields, text, codec, encoding)


def _decoded(body: bytes, encoding: bytes) -> bytes | None:
    if encoding in PLAIN_ENCODINGS:
        return body
    if encoding == bodies.QUOTED_PRINTABLE:
        return binascii.a2b_qp(body)
    if encoding != bodies.BASE64:
        return None
    try:
        return binascii.a2b_base64(body.translate(None, b"\r\n \t"), strict_mode=True)
    except ValueError:
        return None  # readers may differ about it


def _codec(fields: list[Field]) -> str | None:
    """Return Python's name for the charset of a text; None where it is none that we know."""
    found = header.find(fields, b"content-type")
    parameters = mime.PARAMETER.finditer(found[0].value) if found else iter(())
    for parameter in parameters:
        if parameter[1].lower() == b"charset" and parameter[2]:
            charset = mime.unquote(parameter[2]).decode("latin-1").lower()
            return _codec_of(charset)
    return "ascii"


def _codec_of(charset: str) -> str | None:
    if charset in ("", "ascii", "us-ascii"):
        return "ascii"
    try:
        return codecs.lookup(charset).name if is_usual_charset(charset) else None
    except LookupError:
        return None


def _joined(fields: list[Field], body: bytes) -> bytes:
    return b"".join([*(field.raw for field in fields), mime.CRLF, body])
