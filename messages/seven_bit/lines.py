"""What may leave: lines of 7-bit octets, none of them too long (RFC 5321 §4.5.3.1.6)."""

from collections.abc import Iterable, Iterator

from domains.addresses import excerpt
from messages.smtp.data import find_long_line

MAX_LINE = 998  # octets in a line, without its CRLF (RFC 5322 §2.1.1)


class CannotEncode(ValueError):
    """A line is too long where it can be neither encoded nor folded. Says so in ASCII."""


def is_seven_bit(content: bytes) -> bool:
    """Whether a content may leave as it is."""
    return content.isascii() and find_long_line(content, MAX_LINE) < 0


def refuse_long_line(content: bytes) -> None:
    """Raise CannotEncode for a line that is too long; 8-bit octets may pass (RFC 6152)."""
    start = find_long_line(content, MAX_LINE)
    if start >= 0:
        line = excerpt(content[start : start + MAX_LINE].decode("utf-8", "replace"))
        raise CannotEncode(f"A line over {MAX_LINE} octets cannot be encoded where it is: {line}")


def pack(pieces: Iterable[bytes], room: int) -> Iterator[bytes]:
    """Join pieces into runs of at most `room` octets; no piece is split."""
    run = b""
    for piece in pieces:
        if run and len(run) + len(piece) > room:
            yield run
            run = b""
        run += piece
    if run:
        yield run
