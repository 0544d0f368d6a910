"""Bring a content into 7-bit octets and lines of at most 998, before it is signed (RFC 6152, 2045).

A submission server may do so (RFC 6409 §8), and then no server on the way needs to, which would
break the signature. What is 7-bit is not touched, and nothing is decoded differently afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from messages import header
from messages.header import Field, HeaderError
from messages.seven_bit import bodies, mime
from messages.seven_bit.fields import encode_field
from messages.seven_bit.lines import is_seven_bit, refuse_long_line

Entity = tuple[list[Field], bytes]

# Nobody who means well goes beyond; what lies there stays as it is.
MAX_PARTS = 1000
MAX_DEPTH = 20

# A signature covers these octets as they are (RFC 1847 §2.1); nothing is for us in the other.
SEALED = frozenset((b"multipart/signed", b"multipart/encrypted"))
# These must not be encoded themselves (RFC 2046 §5.2.1): it is their content that may be.
MESSAGES = frozenset((b"message/rfc822", b"message/global"))
UUENCODED = frozenset((b"x-uuencode", b"uuencode", b"x-uue", b"uue"))


def to_seven_bit(fields: list[Field], body: bytes) -> tuple[list[Field], bytes]:
    """Return header and body as they may leave: the same objects if they may already.

    Lines end in CRLF, and there is no NUL. Signed parts stay as they are, and so do 8-bit octets
    for which there is no other form. Raises CannotEncode for a line over 998 octets that can
    neither be encoded nor folded.
    """
    if is_seven_bit(b"".join([field.raw for field in fields])) and is_seven_bit(body):
        return fields, body
    return _message(fields, body, Walk(iter(range(MAX_PARTS)), 0))


@dataclass(frozen=True, slots=True)
class Walk:
    """How far we may go: the parts that are left, all levels together, and the level."""

    parts: Iterator[int]
    depth: int

    def deeper(self) -> "Walk":
        return Walk(self.parts, self.depth + 1)

    @property
    def is_over(self) -> bool:
        return self.depth > MAX_DEPTH or next(self.parts, None) is None


def _message(fields: list[Field], body: bytes, walk: Walk) -> Entity:
    """Return a message, whose header is more than that of a part (RFC 5322)."""
    encoded, new_body = _entity([encode_field(field) for field in fields], body, walk)
    has_encoding = mime.transfer_encoding(encoded) != mime.transfer_encoding(fields)
    if has_encoding and not header.find(encoded, b"mime-version"):
        # Without it the other MIME fields mean nothing (RFC 2045 §4).
        encoded = [*encoded, Field(b"mime-version", b"MIME-Version: 1.0\r\n")]
    return encoded, new_body


def _entity(fields: list[Field], body: bytes, walk: Walk, default: bytes = b"text/plain") -> Entity:
    """Return a message or part whose body may leave."""
    if is_seven_bit(body):
        return fields, body
    kind = mime.media_type(fields, default)
    if kind in SEALED or walk.is_over:
        return fields, body
    if kind.startswith(b"multipart/"):
        return _multipart(fields, body, kind, walk)
    if kind in MESSAGES:
        return _enclosed(fields, body, walk)
    if kind.startswith(b"message/"):
        return _left_alone(fields, body)
    return _leaf(fields, body, kind)


def _left_alone(fields: list[Field], body: bytes) -> Entity:
    """Return what must not be encoded, should its lines be short enough."""
    refuse_long_line(body)
    return fields, body


def _multipart(fields: list[Field], body: bytes, kind: bytes, walk: Walk) -> Entity:
    boundary = mime.boundary(fields)
    pieces = mime.cut(body, boundary) if boundary else []
    if not pieces:
        return _left_alone(fields, body)
    default = b"message/rfc822" if kind == b"multipart/digest" else b"text/plain"
    encoded = [_plain(pieces[0])]
    is_over = False
    for delimiter, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        is_over = is_over or mime.is_close(delimiter, boundary)
        encoded += [delimiter, _plain(piece) if is_over else _part(piece, walk, default)]
    return _as_seven_bit(fields), b"".join(encoded).removeprefix(mime.CRLF)


def _plain(text: bytes) -> bytes:
    """Return a preamble or an epilogue, which nobody reads."""
    return text if is_seven_bit(text) else bodies.plain(text)


def _part(piece: bytes, walk: Walk, default: bytes) -> bytes:
    """Return a part with the line end of its delimiter in front, as it may leave."""
    if is_seven_bit(piece) or not piece:
        return piece
    try:
        fields, body = header.split(piece.removeprefix(mime.CRLF))
    except HeaderError:
        refuse_long_line(piece)
        return piece
    new_fields, new_body = _entity(
        [encode_field(field) for field in fields], body, walk.deeper(), default
    )
    if new_fields == fields and new_body == body:
        return piece
    return mime.CRLF + _joined(new_fields, new_body)


def _enclosed(fields: list[Field], body: bytes, walk: Walk) -> Entity:
    """Return a message within a message: it is not encoded, but its parts may be."""
    try:
        inner, inner_body = header.split(body)
    except HeaderError:
        return _left_alone(fields, body)
    encoded = _joined(*_message(inner, inner_body, walk.deeper()))
    return _as_seven_bit(fields), encoded


def _joined(fields: list[Field], body: bytes) -> bytes:
    return b"".join([*(field.raw for field in fields), mime.CRLF, body])


def _as_seven_bit(fields: list[Field]) -> list[Field]:
    """Return the fields of what holds parts; such a thing cannot be encoded itself."""
    if mime.transfer_encoding(fields) in (b"8bit", b"binary"):
        return mime.set_transfer_encoding(fields, b"7bit")
    return fields


def _leaf(fields: list[Field], body: bytes, kind: bytes) -> Entity:
    encoding = mime.transfer_encoding(fields)
    if encoding in UUENCODED:
        return _left_alone(fields, body)
    if encoding == bodies.QUOTED_PRINTABLE:
        new_encoding, new_body = bodies.fold_quoted_printable(body)
    elif encoding == bodies.BASE64:
        new_encoding, new_body = bodies.fold_base64(body)
    elif kind.startswith(b"text/"):
        new_encoding, new_body = bodies.encode_text(body)
        if not body.isascii() and _is_utf8(body):
            fields = mime.declare_utf8(fields)
    else:
        new_encoding, new_body = bodies.encode_octets(body)
    return mime.set_transfer_encoding(fields, new_encoding), new_body


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
