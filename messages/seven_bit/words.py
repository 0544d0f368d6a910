"""Write text as encoded words, which any program can carry (RFC 2047)."""

import binascii
import string

from domains.addresses import ENCODED_WORD, decode_word
from messages.header import BETWEEN_ENCODED_WORDS
from messages.seven_bit.lines import pack

# RFC 2047 §2 allows 75; so the first one most often fits behind the name of its field, in a line
# of 76.
MAX_WORD = 64
ROOM = MAX_WORD - len("=?utf-8?q??=")
# What stands for itself even in a phrase (RFC 2047 §5).
PLAIN = frozenset(string.ascii_letters + string.digits + "!*+-/")


def encode_words(text: str) -> bytes:
    """Return a text as encoded words with spaces between; no character is split."""
    quoted = [_quote(character) for character in text]
    if sum(map(len, quoted)) <= len(text.encode()) * 4 / 3:
        return b" ".join(b"=?utf-8?q?%b?=" % run for run in pack(quoted, ROOM))
    runs = pack((character.encode() for character in text), ROOM // 4 * 3)
    return b" ".join(b"=?utf-8?b?%b?=" % binascii.b2a_base64(run, newline=False) for run in runs)


def _quote(character: str) -> bytes:
    if character in PLAIN:
        return character.encode()
    if character == " ":
        return b"_"
    return b"".join(b"=%02X" % octet for octet in character.encode())


def decode(octets: bytes) -> str:
    """Return octets of a header as text, encoded words decoded; those must not stand in others.

    Octets that are no UTF-8 are read as windows-1252, which is what they most often are.
    """
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        try:
            text = octets.decode("cp1252")
        except UnicodeDecodeError:
            text = octets.decode("latin-1")
    if "=?" not in text:
        return text
    return ENCODED_WORD.sub(decode_word, BETWEEN_ENCODED_WORDS.sub("", text))
