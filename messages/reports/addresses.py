"""Read addresses as reports write them: leniently, for they only name somebody we know anyway."""

import re

# A type in front of a value: "rfc822; a@b.test", "dns;mx.b.test" (RFC 3464 §2.1.2).
_TYPED = re.compile(r"\s*+[\w/-]{1,20}\s*+;\s*+(.*)", re.ASCII | re.DOTALL)
# How RFC 6533 §3 writes a character in an address that must stay ASCII.
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
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
    address = address.removeprefix("mailto:").removeprefix("SMTP:").strip(" \t\"'<>,;")
    return address[:MAX_LENGTH]


def _character(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    is_character = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_character else escaped[0]
