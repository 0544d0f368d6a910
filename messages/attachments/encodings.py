"""Decode as the most lenient client does (RFC 2045 §6, RFC 2047). Nothing is ever an error."""

import binascii
import re
from urllib.parse import unquote_to_bytes

_NOT_BASE64 = bytes(
    octet
    for octet in range(256)
    if octet not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_CLOSING_DELIMITER = re.compile(rb"--[^\r\n]{0,80}--")  # what ends the last part
_PADDING = re.compile(rb"=+")
_MOST_PADDINGS = 1000

# A language may stand behind the charset (RFC 2231 §5). Blanks, question marks and a missing end
# are errors that programs make and other programs forgive.
_WORD = re.compile(rb"=\?([^?\s*]{0,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?(.*?)(?:\?=|\Z)", re.DOTALL)
# Others are read as if they were ASCII, as almost all are for the letters that we look for.
_CHARSET = re.compile(
    r"(?:unicode-1-1-)?utf-?7|utf-?8|utf-?(?:16|32)(?:-?[bl]e)?|iso-?8859-\d{1,2}"
    r"|(?:windows-|cp-?)(?:125\d|874|93[26]|949|950|037|437|500|85\d|86\d|1140)|koi8-[ru]"
    r"|gb2312|gbk|gb18030|hz-gb-2312|big5|shift[_-]jis|euc-(?:jp|kr)|iso-2022-(?:jp|kr)(?:-\d)?",
    re.ASCII,
)


def decode_base64(written: bytes) -> bytes:
    """Decode base64 with anything missing, added or out of place."""
    padding = written.find(b"=")
    rest = written[padding:].strip(b"=\r\n\t ") if padding >= 0 else b""
    if not rest or _CLOSING_DELIMITER.fullmatch(rest):
        try:
            return binascii.a2b_base64(written)
        except ValueError:
            pass
    # Some clients go on behind a padding, as if the pieces had been encoded one by one.
    pieces = _PADDING.split(written.translate(None, _NOT_BASE64), _MOST_PADDINGS)
    return b"".join(_decode_piece(piece.replace(b"=", b"")) for piece in pieces)


def _decode_piece(piece: bytes) -> bytes:
    # A single letter at the end holds no whole octet.
    whole = piece[:-1] if len(piece) % 4 == 1 else piece
    return binascii.a2b_base64(whole + b"==") if whole else b""


def decode_quoted_printable(written: bytes) -> bytes:
    """Decode quoted-printable; what is none stays as it is."""
    return binascii.a2b_qp(written)


def decode_percent(written: bytes) -> bytes:
    """Decode the percent signs of RFC 2231 §4 and of URLs."""
    return unquote_to_bytes(written)


def decode_words(written: bytes) -> str:
    """Decode the encoded words in a text (RFC 2047), wherever they stand."""
    shown: list[str] = []
    charset, octets, end = "", b"", 0
    for word in _WORD.finditer(written):
        between = written[end : word.start()]
        end = word.end()
        its_charset = word[1].decode("latin-1").lower()
        if between.strip() or its_charset != charset:
            # Words of one charset go together: a letter may be split between two.
            shown.append(decode_charset(octets, charset))
            octets = b""
            if between.strip():
                shown.append(plain(between))
        charset = its_charset
        octets += decode_word(word[2], word[3])
    return "".join([*shown, decode_charset(octets, charset), plain(written[end:])])


def decode_word(encoding: bytes, text: bytes) -> bytes:
    """Return the octets that stand in an encoded word."""
    if encoding in b"bB":
        return decode_base64(text)
    return binascii.a2b_qp(text, header=True)


def is_usual_charset(charset: str) -> bool:
    """Whether a charset, in lower case, is one that mail is written in, beside ASCII."""
    return bool(_CHARSET.fullmatch(charset))


def decode_charset(octets: bytes, charset: str) -> str:
    """Decode by a charset if it is a usual one."""
    if is_usual_charset(charset):
        try:
            return octets.decode(charset, "replace")
        except (LookupError, ValueError):
            pass
    return plain(octets)


def plain(octets: bytes) -> str:
    """Decode what states no charset."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")
