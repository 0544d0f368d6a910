"""Write the parameters of a MIME field in ASCII (RFC 2231)."""

import re
from urllib.parse import quote

from messages.seven_bit import words
from messages.seven_bit.lines import MAX_LINE, pack
from messages.seven_bit.mime import PARAMETER, unquote

# Octets of a value in one line, so that the line with its name keeps to 78 most often.
ROOM = 50
HIGH_OCTET = re.compile(rb"[\x80-\xff]")


def encode_parameters(value: bytes) -> bytes:
    """Return the value of a field with those parameters encoded that need it, the rest as it is."""
    return PARAMETER.sub(_encode_parameter, value)


def _encode_parameter(parameter: re.Match[bytes]) -> bytes:
    name, written, rest = parameter.groups(default=b"")
    is_fine = written.isascii() and len(name) + len(written) < MAX_LINE - len("; =")
    # A boundary must stay as the body has it; a section without "*" cannot be encoded.
    if is_fine or name.lower() == b"boundary" or b"*" in name[:-1]:
        return parameter[0]
    if name.endswith(b"*"):
        return HIGH_OCTET.sub(lambda octet: b"%%%02X" % ord(octet[0]), parameter[0])

    escaped = (quote(character, safe="").encode() for character in words.decode(unquote(written)))
    sections = list(pack(escaped, ROOM))
    if len(sections) == 1:
        return b"; %b*=utf-8''%b%b" % (name, sections[0], rest)
    sections[0] = b"utf-8''" + sections[0]
    return b"".join(b"; %b*%d*=%b" % (name, *one) for one in enumerate(sections)) + rest
