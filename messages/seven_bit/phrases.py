"""Write the names beside addresses in ASCII, and leave the addresses alone (RFC 2047 §5)."""

import re
from collections.abc import Iterator

from messages.seven_bit import words
from messages.seven_bit.lines import MAX_LINE

QUOTED = rb'"(?:[^"\\]|\\.)*+"'
COMMENT = rb"\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\)"
# Brackets are a domain literal, whose colons mark no group.
WORD = rb'(?:%b|\[[^]"<>]*+\]|[^\s"(),:;<>\[]++)' % QUOTED
# The pieces of an address-list (RFC 5322 §3.4); possessive, so that time is linear.
PIECE = re.compile(
    rb"(?P<words>%b(?:[ \t]*+%b)*+)|(?P<comment>%b)|(?P<address><(?:[^<>\"]|%b)*+>)"
    rb"|(?P<mark>[,:;])|(?P<space>[ \t]++)" % (WORD, WORD, COMMENT, QUOTED),
    re.DOTALL,
)
PIECE_OF_WORDS = re.compile(rb'"((?:[^"\\]|\\.)*+)"|[^"]++', re.DOTALL)
QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
# Behind words with one of these they are a name: of a mailbox, or of a group.
ENDS_OF_NAME = (b"<", b":")


def encode_phrases(value: bytes) -> bytes:
    """Return an address-list with the names and comments encoded that are not ASCII.

    A value that is no address-list is returned as it is.
    """
    pieces = list(_pieces(value))
    if sum(len(piece[0]) for piece in pieces) != len(value):
        return value
    written = list(_written(pieces))[::-1]
    encoded = b"".join(written)
    if len(encoded) > MAX_LINE:
        # Commas without a blank leave no place where a line may end.
        spaced = (b", " if piece == b"," else piece for piece in written)
        encoded = b"".join(spaced).replace(b",  ", b", ")
    return encoded


def _pieces(value: bytes) -> Iterator[re.Match[bytes]]:
    """Walk through the pieces, up to where there is none: to look further on takes for ever."""
    at = 0
    while piece := PIECE.match(value, at):
        yield piece
        at = piece.end()


def _written(pieces: list[re.Match[bytes]]) -> Iterator[bytes]:
    """Go from the last piece to the first, so that what ends a name is known before the name."""
    end, follower = b"", b""
    for piece in reversed(pieces):
        octets = piece[0]
        if piece.lastgroup in ("address", "mark"):
            end = octets[:1]
        if octets.isascii():
            pass
        elif piece.lastgroup == "words" and end in ENDS_OF_NAME:
            octets = words.encode_words(words.decode(_unquote(octets)))
            # White space parts an encoded word from what is beside it.
            octets += b"" if follower[:1] in b" \t:" else b" "
        elif piece.lastgroup == "comment":
            text = QUOTED_PAIR.sub(rb"\1", octets[1:-1])
            octets = b"(%b)" % words.encode_words(words.decode(text))
        follower = octets
        yield octets


def _unquote(phrase: bytes) -> bytes:
    """Return a phrase without its quotes."""
    return PIECE_OF_WORDS.sub(
        lambda piece: piece[0] if piece[1] is None else QUOTED_PAIR.sub(rb"\1", piece[1]), phrase
    )
