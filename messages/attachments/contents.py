"""Find the names that stand in a content itself: files in a text, archives, TNEF."""

from collections.abc import Iterator

from messages.attachments import archives, tnef, uuencode
from messages.attachments.encodings import decode_base64, plain
from messages.attachments.limits import Budget

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00", tnef.SIGNATURE, archives.GZIP)
# Where a zip archive ends: a record of 22 octets and a comment (APPNOTE 6.3 §4.3.16), and its
# mark in base64, which begins at one of three places within four letters.
_MOST_AT_END = 100_000  # letters: 65,557 octets, and the line ends
_MARKS_OF_END = (b"UEsFB", b"BLBQ", b"QSwUG")
_HEAD = 2048


def names(octets: bytes, budget: Budget) -> Iterator[str]:
    """Return the names in a content that is not encoded, or no longer."""
    for name, content in uuencode.files(octets):
        budget.spend("parts")
        yield plain(name)
        yield from _packed_names(content, budget)
    yield from _packed_names(octets, budget)


def _packed_names(octets: bytes, budget: Budget) -> Iterator[str]:
    # To look for one octet costs next to nothing.
    if (b"\x03" in octets or b"\x01" in octets) and archives.may_be_zip(octets):
        yield from archives.names(octets, budget)
    if b"\x9f" in octets and tnef.SIGNATURE in octets:
        yield from tnef.names(octets, budget)
    if octets.startswith(archives.GZIP):
        yield from archives.gzip_names(octets)


def may_be_packed(base64: bytes) -> bool:
    """Whether a content in base64 may be an archive or TNEF, without decoding all of it."""
    head = decode_base64(base64[:_HEAD])
    if head.startswith(_MAGIC) or len(head) < 4:
        return True
    tail = base64[-_MOST_AT_END:].translate(None, b"\r\n\t ")
    return any(mark in tail for mark in _MARKS_OF_END)
