"""Find the names of attachments in TNEF, the `winmail.dat` of Outlook ([MS-OXTNEF]).

Attributes are sought by their marks and not counted off, so that neither a wrong length nor a
message within the message can hide one.
"""

import re
import struct
from collections.abc import Iterator

from messages.attachments.encodings import plain
from messages.attachments.limits import Budget

SIGNATURE = b"\x78\x9f\x3e\x22"

# attAttachTitle and attAttachTransportFilename, of the level of attachments; then the length.
_ATTRIBUTE = re.compile(rb"\x02(?:\x10\x80\x01\x00|\x01\x90\x06\x00)(....)", re.DOTALL)
# PidTagAttachExtension, -Filename, -LongFilename and -TransportName as 8-bit or UTF-16 text; then
# the number of values, which is one, and the length.
_PROPERTY = re.compile(rb"([\x1e\x1f])\x00[\x03\x04\x07\x0c]\x37\x01\x00\x00\x00(....)", re.DOTALL)
_MOST_NAME = 1000


def names(octets: bytes, budget: Budget) -> Iterator[str]:
    """Return the names that stand in a TNEF stream."""
    for attribute in _ATTRIBUTE.finditer(octets):
        budget.spend("names of parts")
        yield plain(_text(octets, attribute.end(), attribute[1]))
    for found in _PROPERTY.finditer(octets):
        budget.spend("names of parts")
        text = _text(octets, found.end(), found[2])
        yield text.decode("utf-16-le", "replace") if found[1] == b"\x1f" else plain(text)


def _text(octets: bytes, start: int, length: bytes) -> bytes:
    return octets[start : start + min(struct.unpack("<I", length)[0], _MOST_NAME)]
