"""Write a body in quoted-printable or base64 (RFC 2045 §6.7, §6.8)."""

import binascii
import re

from messages.seven_bit.lines import MAX_LINE
from messages.smtp.data import find_long_line, has_only_crlf

QUOTED_PRINTABLE = b"quoted-printable"
BASE64 = b"base64"
LINE = 76  # octets in a line of base64, by the standard
HIGH_OCTETS = bytes(range(128, 256))
BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
NOT_BASE64 = bytes(set(range(256)) - set(BASE64_ALPHABET))
TO_ASCII = bytes(range(128)) + b"?" * 128
DASHES = re.compile(rb"^--", re.MULTILINE)


def encode_text(body: bytes) -> tuple[bytes, bytes]:
    """Return how a text is encoded, and the text in that form."""
    high = len(body) - len(body.translate(None, HIGH_OCTETS))
    # Each such octet takes three; from a sixth of them on base64 is smaller.
    if high * 6 <= len(body) and not _has_new_boundary(encoded := _quoted_printable(body)):
        return QUOTED_PRINTABLE, encoded
    return encode_octets(body)


def _quoted_printable(text: bytes) -> bytes:
    encoded = binascii.b2a_qp(text)
    # Soft line ends are as the first hard one is, and bare where there is none.
    return encoded if b"\n" in text else encoded.replace(b"\n", b"\r\n")


def _has_new_boundary(encoded: bytes) -> bool:
    # What stood in the middle of a line must not become a delimiter at the beginning of one.
    return b"=\r\n--" in encoded


def encode_quoted_printable(text: bytes) -> tuple[bytes, bytes]:
    """Return a text in quoted-printable, or in base64 where only that keeps it as it is."""
    if has_only_crlf(text):
        # No line is to be taken for a delimiter, wherever the text was folded before.
        encoded = DASHES.sub(b"=2D-", _quoted_printable(text))
        if find_long_line(encoded, LINE) < 0:
            return QUOTED_PRINTABLE, encoded
    return encode_octets(text)


def encode_octets(body: bytes) -> tuple[bytes, bytes]:
    """Return base64 and the body in that form, ending in CRLF if the body does."""
    encoded = _wrap(binascii.b2a_base64(body, newline=False))
    return BASE64, encoded + b"\r\n" if body.endswith(b"\r\n") else encoded


def _wrap(encoded: bytes) -> bytes:
    return b"\r\n".join(encoded[at : at + LINE] for at in range(0, len(encoded), LINE))


def fold_quoted_printable(body: bytes) -> tuple[bytes, bytes]:
    """Return a body that is quoted-printable already, but has lines that may not leave."""
    text = binascii.a2b_qp(body)
    encoded = _quoted_printable(text) if has_only_crlf(text) else b"--"
    # A dash may have been encoded because it was to be no delimiter.
    return encode_octets(text) if DASHES.search(encoded) else (QUOTED_PRINTABLE, encoded)


def fold_base64(body: bytes) -> tuple[bytes, bytes]:
    """Return a body that is base64 already, in shorter lines, without what stands for nothing."""
    encoded = _wrap(body.translate(None, NOT_BASE64))
    return BASE64, encoded + b"\r\n" if body.endswith(b"\r\n") else encoded


def plain(text: bytes) -> bytes:
    """Return text that nobody reads (a preamble, an epilogue) in ASCII and in short lines."""
    text = text.translate(TO_ASCII)
    if find_long_line(text, MAX_LINE) < 0:
        return text
    # With a blank in front, no new line is a delimiter.
    return b"\r\n".join(
        b"\r\n ".join(line[at : at + LINE] for at in range(0, max(1, len(line)), LINE))
        for line in text.split(b"\r\n")
    )
