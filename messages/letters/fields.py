"""Write the header of a letter in lines of ASCII (RFC 5322 §2.2, RFC 2047).

It trusts that `checks` found nothing wrong. Not ASCII are only local parts that are not (RFC 6531).
"""

import re
from collections.abc import Iterable, Sequence

from domains.addresses import Mailbox, parse_mailboxes
from messages.letters.letter import Letter
from messages.seven_bit.lines import pack
from messages.seven_bit.words import encode_words

LINE = 76  # octets in a line, where a piece is not longer by itself (RFC 2047 §2)
# Octets of a word that stand in one line, with room for the name before them; a longer word of
# a text is encoded, so that it can be split.
MAX_WORD = 900
# Characters. A longer display name is encoded: a quoted string is not split.
MAX_QUOTED_NAME = 200

# These hold addresses, which are read and written anew.
ADDRESSES = frozenset(
    (
        *("sender", "reply-to", "errors-to", "disposition-notification-to", "return-receipt-to"),
        *("mail-followup-to", "mail-reply-to"),
        *("resent-from", "resent-sender", "resent-to", "resent-cc"),
    )
)

# A word, with the white space in front of it: a line may end there.
WORD = re.compile(r"[ \t]*[^ \t]+")
# Atoms (RFC 5322 §3.2.3), but none that could be an encoded word.
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
NEEDS_ESCAPE = re.compile(r'(["\\])')


def write(letter: Letter) -> bytes:
    """Return all header fields but those of MIME."""
    lines = [addresses("From", [letter.author]), addresses("To", letter.to)]
    if letter.cc:
        lines.append(addresses("Cc", letter.cc))
    if letter.reply_to:
        lines.append(addresses("Reply-To", letter.reply_to))
    if letter.subject is not None:
        lines.append(subject(letter.subject))
    for name, value in letter.headers:
        if name.lower() in ADDRESSES:
            lines.append(addresses(name, parse_mailboxes(value)))
        elif letter.subject is None or name.lower() != "subject":
            lines.append(text(name, value))
    return b"".join(lines)


def addresses(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """Return a field that holds addresses (RFC 5322 §3.6.3)."""
    pieces: list[bytes] = []
    for mailbox in mailboxes:
        if pieces:
            pieces[-1] += b","
        pieces += _mailbox(mailbox)
    return _fold(name, pieces)


def _mailbox(mailbox: Mailbox) -> list[bytes]:
    address = mailbox.address.encode()
    if not mailbox.display_name:
        return [b" " + address]
    return [*_phrase(mailbox.display_name), b" <%b>" % address]


def _phrase(name: str) -> list[bytes]:
    if must_encode_name(name):
        return _words(encode_words(name).decode())
    if ATOMS.fullmatch(name):
        return _words(name)
    return [b' "%b"' % NEEDS_ESCAPE.sub(r"\\\1", name).encode()]


def must_encode_name(name: str) -> bool:
    """Whether a display name can only be written as encoded words."""
    return not name.isascii() or "=?" in name or len(name) > MAX_QUOTED_NAME


def subject(value: str) -> bytes:
    """Return a Subject that reads exactly as given, even where that looks like an encoded word."""
    return _fold("Subject", _words(encode_words(value).decode() if "=?" in value else value))


def text(name: str, value: str) -> bytes:
    """Return a field as it is given; encoded words that are there already stay what they are."""
    return _fold(name, _words(value))


def _words(value: str) -> list[bytes]:
    """Cut a text into its words, encoded if they must be."""
    value = value.strip(" \t")
    words = WORD.findall(" " + value) if value else []
    if not value.isascii() or any(len(word) > MAX_WORD for word in words):
        words = WORD.findall(" " + encode_words(value).decode())
    return [word.encode() for word in words]


def _fold(name: str, pieces: Iterable[bytes]) -> bytes:
    """Return a field with a line end in front of a piece wherever the line would be too long."""
    label = name.encode() + b":"
    whole = label + b"".join(pieces)
    if len(whole) <= LINE:
        return whole + b"\r\n"
    # The first piece stays behind the name: some programs lose a field that begins with a fold.
    first, *rest = pieces
    return b"\r\n".join(pack([label + first, *rest], LINE)) + b"\r\n"
