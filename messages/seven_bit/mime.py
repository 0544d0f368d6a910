"""Read and set the MIME fields of an entity, and cut a multipart (RFC 2045, RFC 2046)."""

import re

from messages import header
from messages.header import Field

CRLF = b"\r\n"
TOKEN = rb"[!#$%&'*+.0-9A-Z^_`a-z{|}~\-]"
MEDIA_TYPE = re.compile(rb"(%b++/%b++)" % (TOKEN, TOKEN))
# Name, value, and what follows it without meaning: possessive, so that time is linear.
PARAMETER = re.compile(
    rb""";[ \t]*+(%b*+)[ \t]*+(?:=[ \t]*+("(?:[^"\\]|\\.)*+"|[^;"]*+)([^;]*+)|[^;]*+)""" % TOKEN,
    re.DOTALL,
)
# Programs write C:\file.txt; only these two need the backslash.
ESCAPED = re.compile(rb'\\(["\\])')
FIRST_WORD = re.compile(rb"[^\s;(]*")
MAX_BOUNDARY = 200  # octets; RFC 2046 §5.1.1 allows 70


def media_type(fields: list[Field], default: bytes) -> bytes:
    """Return type and subtype in lower case; what cannot be read is plain text (RFC 2045 §5.2)."""
    found = header.find(fields, b"content-type")
    if not found:
        return default
    written = MEDIA_TYPE.match(found[0].value)
    return written[1].lower() if written else b"text/plain"


def boundary(fields: list[Field]) -> bytes:
    """Return the boundary of a multipart, or b"" where there is none that may be used."""
    value = header.find(fields, b"content-type")[0].value
    for parameter in PARAMETER.finditer(value):
        if parameter[1].lower() == b"boundary" and parameter[2]:
            written = unquote(parameter[2])
            return written if len(written) <= MAX_BOUNDARY else b""
    return b""


def unquote(written: bytes) -> bytes:
    """Return the value of a parameter without its quotes and the blanks around it."""
    if written.startswith(b'"'):
        written = ESCAPED.sub(rb"\1", written[1:-1])
    return written.rstrip()


def cut(body: bytes, boundary: bytes) -> list[bytes]:
    """Cut a multipart into preamble, delimiter, part, delimiter, …, last delimiter, epilogue.

    Joined, the pieces are CRLF and the body again: the CRLF in front of a line belongs to it. Where
    no last delimiter closes it, the last piece is a part. No part at all: an empty list.
    """
    text, mark = CRLF + body, CRLF + b"--" + boundary
    pieces: list[bytes] = []
    begin, at = 0, text.find(mark)
    while at >= 0:
        behind = at + len(mark)
        end = text.find(CRLF, behind)
        end = end if end >= 0 else len(text)
        rest = text[behind:end].rstrip(b" \t")
        if rest in (b"", b"--"):
            pieces += [text[begin:at], text[at:end]]
            begin = end
            if rest:
                break
        at = text.find(mark, end)
    if len(pieces) < 2 or is_close(pieces[1], boundary):
        return []
    return [*pieces, text[begin:]]


def is_close(delimiter: bytes, boundary: bytes) -> bool:
    """Whether a delimiter is the last one of its multipart."""
    return delimiter.rstrip() == b"\r\n--%b--" % boundary


def transfer_encoding(fields: list[Field]) -> bytes:
    """Return the Content-Transfer-Encoding in lower case, b"" where there is none."""
    found = header.find(fields, b"content-transfer-encoding")
    word = FIRST_WORD.match(found[0].value) if found else None
    return word[0].lower() if word else b""


def set_transfer_encoding(fields: list[Field], encoding: bytes) -> list[Field]:
    """Return the fields with another Content-Transfer-Encoding, in its place or at the end."""
    name = b"content-transfer-encoding"
    field = Field(name, b"Content-Transfer-Encoding: %b\r\n" % encoding)
    if not header.find(fields, name):
        return [*fields, field]
    # Should there be several, no program shall read another than the next one.
    return [field if one.name == name else one for one in fields]


def declare_utf8(fields: list[Field]) -> list[Field]:
    """Return the fields with charset=utf-8 in a text that says nothing about its charset."""
    found = header.find(fields, b"content-type")
    if not found:
        return [*fields, Field(b"content-type", b"Content-Type: text/plain; charset=utf-8\r\n")]
    raw = found[0].raw
    written = MEDIA_TYPE.search(raw, raw.index(b":"))
    if b"charset" in raw.lower() or not written:
        return fields
    end = written.end()
    declared = Field(b"content-type", b"%b; charset=utf-8%b" % (raw[:end], raw[end:]))
    return [declared if one is found[0] else one for one in fields]
