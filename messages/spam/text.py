"""Bring the text of a message into a form that words are found in: decoded, in lower case."""

import binascii
import re

from messages.header import Field

# Octets of a body that are looked at; what sells something says so early.
MOST = 256 * 1024
# Octets of the header of a part.
LONGEST_HEAD = 16 * 1024

ENCODING = re.compile(
    rb"^content-transfer-encoding:[ \t]*(base64|quoted-printable)\b", re.IGNORECASE | re.MULTILINE
)
TEXT = re.compile(rb"^content-type:[ \t]*text/", re.IGNORECASE | re.MULTILINE)
# A soft line break, or an octet in hex (RFC 2045 §6.7).
QUOTED = re.compile(rb"=(?:\r\n|[0-9A-F]{2})")


def readable(fields: list[Field], body: bytes) -> bytes:
    """Return subject and text of a message, decoded where that is needed, in lower case."""
    body = body[:MOST]
    subject = b"".join(field.text.encode() for field in fields if field.name == b"subject")
    pieces = [subject, body]
    head = b"".join(field.raw for field in fields if field.name.startswith(b"content-"))
    if encoding := ENCODING.search(head):
        pieces.append(_decoded(body, encoding[1].lower()))
    elif b"multipart/" in head.lower():
        pieces += _decoded_parts(body)
    return b"\n".join(pieces).lower()


def _decoded_parts(body: bytes) -> list[bytes]:
    """Return the decoded texts of the parts of a multipart."""
    decoded = []
    # Each part once, whatever stands in it: the time is linear.
    for part in body.split(b"\r\n--"):
        encoding = ENCODING.search(part)
        begin = part.find(b"\r\n\r\n", encoding.end()) if encoding else -1
        head = part[: max(begin, 0)]
        if len(head) <= LONGEST_HEAD and TEXT.search(head):
            encodings = {one.lower() for one in ENCODING.findall(head)}
            decoded += [_decoded(part[begin:], one) for one in encodings]
    return decoded


def _decoded(text: bytes, encoding: bytes) -> bytes:
    if encoding == b"base64":
        try:
            return binascii.a2b_base64(text)
        except binascii.Error:
            return b""
    return binascii.a2b_qp(text) if QUOTED.search(text) else text
