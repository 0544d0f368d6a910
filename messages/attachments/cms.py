"""Find what an opaque S/MIME signature holds (RFC 8551 §3.5.2): a message within CMS (RFC 5652).

Only as much of the encoding (X.690) is read as it takes to join the pieces that it may be in.
"""

from collections.abc import Iterator

from messages.attachments.limits import Budget

# The type of what is signed or encrypted: id-data (RFC 5652 §4). It stands in other places too,
# and what stands there first need not be the one that clients take.
_DATA = bytes.fromhex("06092a864886f70d010701")

_OCTETS, _PIECES, _EXPLICIT = 0x04, 0x24, 0xA0  # OCTET STRING, the same in pieces, [0]
_END = 0x00  # of what does not say its length before
_INDEFINITE = 0x80


def signed(octets: bytes, budget: Budget) -> Iterator[bytes]:
    """Return each content that stands in CMS as it is; one that is encrypted does not."""
    at = octets.find(_DATA)
    while at >= 0:
        at += len(_DATA)
        if content := b"".join(_pieces(octets, at, budget)):
            yield content
        at = octets.find(_DATA, at)


def _pieces(octets: bytes, at: int, budget: Budget) -> Iterator[bytes]:
    while at + 1 < len(octets):
        budget.spend("pieces of signed messages")
        tag = octets[at]
        length, at = _length(octets, at + 1)
        if tag == _OCTETS:
            piece = octets[at : at + length]
            budget.spend("octets to decode", len(piece))
            yield piece
            at += length
        elif tag not in (_PIECES, _EXPLICIT, _END):
            return  # what follows a content


def _length(octets: bytes, at: int) -> tuple[int, int]:
    """Return a length (X.690 §8.1.3), and where it ends. An indefinite one is that of the rest."""
    first = octets[at]
    if first < _INDEFINITE:
        return first, at + 1
    end = at + 1 + (first & 0x7F)
    return int.from_bytes(octets[at + 1 : end]) if first > _INDEFINITE else len(octets), end
