"""Find the files that stand in a text by uuencode (POSIX), its base64 form, or yEnc."""

import binascii
import re
from collections.abc import Iterator

from messages.attachments.encodings import decode_base64

_ANY_BEGIN = re.compile(rb"begin[ \t-]")  # by far the fastest way to see that there is none
# The mode is often forgotten; then only what follows can tell.
_BEGIN = re.compile(rb"\nbegin(-base64)?[ \t]++([0-7]{3,6}[ \t]++)?([^\r\n]++)\r?\n?")
_BEGIN_AT_START = re.compile(_BEGIN.pattern[2:])
_YENC = re.compile(rb"\n=ybegin [^\r\n]*?\bname=([^\r\n]++)")
_LINE = re.compile(rb"([!-`])([ -`]*+)\r?\n")
_END_OF_BASE64 = re.compile(rb"\n====|\Z")
_MOST_NAME = 1000


def files(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return name and content of every file that is written into a text."""
    if not _ANY_BEGIN.search(text):
        return
    begin = _BEGIN_AT_START.match(text) or _BEGIN.search(text)
    while begin:
        is_base64, mode, name = begin.groups()
        if is_base64:
            end = _END_OF_BASE64.search(text, begin.end() - 1)
            at = end.start() if end else len(text)
            yield name[-_MOST_NAME:], decode_base64(text[begin.end() : at])
        else:
            content, at = _decode(text, begin.end())
            if mode or content:
                yield name[-_MOST_NAME:], content
        begin = _BEGIN.search(text, at - 1)
    for found in _YENC.finditer(b"\n" + text):
        yield found[1][-_MOST_NAME:], b""


def _decode(text: bytes, at: int) -> tuple[bytes, int]:
    """Decode the lines from a place on; return the octets and where they end."""
    octets = []
    while line := _LINE.match(text, at):
        length = (line[1][0] - 32) & 63
        if len(line[2]) < (length * 8 + 5) // 6 - 3 or len(line[2]) > 90:
            break
        try:
            octets.append(binascii.a2b_uu(line[0].rstrip(b"\r\n")))
        except ValueError:
            break
        at = line.end()
    return b"".join(octets), at
