"""Read addresses as reports write them: leniently, for they only name somebody we know anyway."""

import re
from collections.abc import Iterator

# A type in front of a value: "rfc822; a@b.test", "dns;mx.b.test" (RFC 3464 §2.1.2).
_TYPED = re.compile(r"\s*+[\w/-]{1,20}\s*+;\s*+(.*)", re.ASCII | re.DOTALL)
# How RFC 6533 §3 writes a character in an address that must stay ASCII.
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
# Whatever could be delivered to: spaces only in quotes, a host's name or its number.
_ADDRESS = re.compile(
    r"""(?:"[^"]{1,200}+"|[^\s"'@|/<>(),:;\[\]][^\s"@|<>(),:;\[\]]{0,254}+)"""
    r"""@(?:\w[\w.-]{0,254}+|\[[\w.:]{3,50}\])"""
)
_BRACKETED = re.compile(r"<([^<>]*+)>")
MAX_LENGTH = 1000  # characters


def without_type(value: str) -> str:
    """Return a field's value without the type in front of it."""
    typed = _TYPED.match(value)
    return (typed[1] if typed else value).strip()


def of_field(value: str) -> str:
    """Return the address in a field such as Final-Recipient, which may be none by RFC 5321."""
    address = _ESCAPED.sub(_character, without_type(value))
    bracketed = _BRACKETED.search(address)
    if bracketed:
        address = bracketed[1]
    address = address.strip(" \t<>,;").removeprefix("mailto:").removeprefix("SMTP:")
    for quote in "'\"":
        if len(address) > 1 and address[0] == address[-1] == quote:
            address = address[1:-1]
    return address[:MAX_LENGTH]


def is_address(text: str) -> bool:
    """Whether a text is an address that mail may have been sent to: no pipe, no file."""
    return _ADDRESS.fullmatch(text) is not None


def occurrences(text: str) -> Iterator[re.Match[str]]:
    """Return every place in a text where an address stands, perhaps with a full stop behind it."""
    return _ADDRESS.finditer(text)


def trimmed(address: str) -> str:
    """Return an address without what punctuation of the text has stuck to it."""
    return address.rstrip(".'\u2019-")[:MAX_LENGTH]


def find_all(text: str) -> list[str]:
    """Return every address in a text, each once, in their order."""
    return list(dict.fromkeys(trimmed(written[0]) for written in occurrences(text)))


def _character(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    is_character = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_character else escaped[0]
