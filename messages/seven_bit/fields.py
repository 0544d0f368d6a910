"""Bring a header field into ASCII and into lines that may leave (RFC 2047, RFC 5322 §2.2.3)."""

import re

from messages.header import Field
from messages.seven_bit import words
from messages.seven_bit.lines import MAX_LINE, is_seven_bit, pack, refuse_long_line
from messages.seven_bit.parameters import encode_parameters
from messages.seven_bit.phrases import encode_phrases
from messages.smtp.data import find_long_line

LINE = 76  # octets in a line with an encoded word (RFC 2047 §2)

ADDRESSES = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc resent-bcc"
    b" disposition-notification-to return-receipt-to errors-to mail-followup-to mail-reply-to"
    b" list-id".split()
)
PARAMETERS = frozenset((b"content-type", b"content-disposition"))
# Programs read these: an encoded word would be none there. All others are text.
STRUCTURED = frozenset(
    b"date resent-date message-id resent-message-id in-reply-to references received return-path"
    b" mime-version content-transfer-encoding content-id content-location content-language"
    b" content-md5 dkim-signature domainkey-signature authentication-results received-spf"
    b" arc-seal arc-message-signature arc-authentication-results autocrypt feedback-id"
    b" list-unsubscribe list-unsubscribe-post list-subscribe list-help list-post list-owner"
    b" list-archive auto-submitted precedence importance priority x-priority delivered-to".split()
)

# White space, and the word behind it: a line may end in front of it.
WORD = re.compile(rb"[ \t]*[^ \t]+")


def encode_field(field: Field) -> Field:
    """Return a field that may leave: itself if it can. Raises CannotEncode.

    8-bit octets stay where no standard has another form for them, as in a local part: those need
    SMTPUTF8 (RFC 6531).
    """
    if is_seven_bit(field.raw):
        return field
    value = _encode_value(field.name, field.value)
    if value == field.value and find_long_line(field.raw, MAX_LINE) < 0:
        return field
    written_name = field.raw.partition(b":")[0].rstrip()
    raw = fold(written_name, value)
    refuse_long_line(raw)
    return Field(field.name, raw)


def _encode_value(name: bytes, value: bytes) -> bytes:
    if name in ADDRESSES:
        return encode_phrases(value)
    if name in PARAMETERS:
        return encode_parameters(value)
    if name in STRUCTURED:
        return value
    return encode_text(value)


def encode_text(value: bytes) -> bytes:
    """Return an unstructured value, as encoded words if it is not ASCII or has a word too long."""
    if value.isascii() and all(len(word) < MAX_LINE for word in WORD.findall(value)):
        return value
    return words.encode_words(words.decode(value))


def fold(name: bytes, value: bytes) -> bytes:
    """Return a field whose lines end in front of white space; unfolded, the value is the same."""
    # The name with the first word: a name alone in a line is allowed, and needed for long words.
    lines = pack([name + b":", *WORD.findall(b" " + value)], LINE)
    return b"\r\n".join(lines) + b"\r\n"
