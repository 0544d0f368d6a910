"""Find the names of the files in a zip archive (APPNOTE 6.3), and the one that gzip keeps.

Entries are sought by their marks, in the directory and before each file, so that a broken
directory, a program in front or an archive stored within an archive hides nothing.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from messages.attachments.encodings import plain
from messages.attachments.limits import Budget, limit_depth

GZIP = b"\x1f\x8b\x08"

_ENTRY = re.compile(rb"PK(?:\x03\x04|\x01\x02)")
_LOCAL = struct.Struct("<4x2xHH8xIIHH")  # flags, method, sizes (packed, real), name, extra
_CENTRAL = struct.Struct("<4x4xHH8xIIHH14x")  # the same
_EXTRA = struct.Struct("<2sH")
_MOST_NAME = 300  # octets at its end; file systems take 255
_MOST_EXTRAS = 50
_UNICODE_PATH = b"up"  # Info-ZIP: version, checksum, name in UTF-8
_DEFLATED = 8
_ENCRYPTED = 1
_PIECE = 65536

# An office document (ECMA-376) is a zip archive too, and has parts that are called .bin: macros,
# printer settings, embedded objects, the sheets of xlsb. Nothing else is excused in it.
_OFFICE = "[Content_Types].xml"
_OFFICE_PART = re.compile(r"(?:word|xl|ppt|visio)/(?:[\w.-]+/){0,5}[\w-]+\.bin", re.ASCII)


def may_be_zip(octets: bytes) -> bool:
    """Whether there is any entry of a zip archive in some octets."""
    return b"PK\x03\x04" in octets or b"PK\x01\x02" in octets


def names(octets: bytes, budget: Budget, depth: int = 1) -> Iterator[str]:
    """Return the names in a zip archive and in those within it."""
    limit_depth(depth)
    found = list(_entries(octets, budget))
    is_office = any(name == _OFFICE for name, _ in found)
    for name, content_at in found:
        if not (is_office and _OFFICE_PART.fullmatch(name)):
            yield name
        if content_at and _is_zip_packed(octets, content_at):
            yield from names(_unpack(octets, content_at, budget), budget, depth + 1)


def _entries(octets: bytes, budget: Budget) -> Iterator[tuple[str, int]]:
    """Return name and start of the packed content of each entry; 0 where we cannot unpack it."""
    for mark in _ENTRY.finditer(octets):
        budget.spend("entries of archives")
        layout = _LOCAL if octets[mark.end() - 1] == 4 else _CENTRAL
        name_at = mark.start() + layout.size
        if name_at > len(octets):
            return
        flags, method, _, size, name_length, extra_length = layout.unpack_from(octets, mark.start())
        extra_at = name_at + name_length
        name = octets[max(name_at, extra_at - _MOST_NAME) : extra_at]
        if name.endswith((b"/", b"\\")) and size == 0:
            continue  # a folder, such as example.com/
        can_unpack = layout is _LOCAL and method == _DEFLATED and not flags & _ENCRYPTED
        yield plain(name), extra_at + extra_length if can_unpack else 0
        for other in _other_names(octets, extra_at, extra_at + extra_length):
            yield plain(other), 0


def _other_names(octets: bytes, at: int, end: int) -> Iterator[bytes]:
    """Return the names in the extra fields of an entry."""
    end = min(end, len(octets))
    for _ in range(_MOST_EXTRAS):
        if at + _EXTRA.size > end:
            return
        kind, length = _EXTRA.unpack_from(octets, at)
        at += _EXTRA.size
        if kind == _UNICODE_PATH:
            yield octets[at + 5 : at + length][-_MOST_NAME:]
        at += length


def _is_zip_packed(octets: bytes, start: int) -> bool:
    try:
        return zlib.decompressobj(-15).decompress(octets[start : start + 512], 4)[:2] == b"PK"
    except zlib.error:
        return False


def _unpack(octets: bytes, start: int, budget: Budget) -> bytes:
    """Unpack an archive within an archive, as far as it can be."""
    unpacked: list[bytes] = []
    stream = zlib.decompressobj(-15)
    while not stream.eof and start < len(octets):
        # In pieces, as zlib keeps a copy of what it does not use.
        packed = octets[start : start + _PIECE]
        start += _PIECE
        while packed and not stream.eof:
            try:
                piece = stream.decompress(packed, 16 * _PIECE)
            except zlib.error:
                return b"".join(unpacked)
            budget.spend("octets in nested archives", len(piece))
            unpacked.append(piece)
            packed = stream.unconsumed_tail
    return b"".join(unpacked)


def gzip_names(octets: bytes) -> Iterator[str]:
    """Return the original name in the head of a gzip file (RFC 1952 §2.3), if it is kept."""
    if len(octets) < 10:
        return
    flags, at = octets[3], 10
    if flags & 4 and len(octets) > 12:
        at += 2 + int(struct.unpack_from("<H", octets, 10)[0])
    if flags & 8:
        yield plain(octets[at : at + _MOST_NAME].partition(b"\0")[0])
