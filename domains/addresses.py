"""Read addresses as header fields and forms write them (RFC 5322 §3.4, RFC 6532, UTS #46).

Strict on purpose: what we read as the domain is what the customer must own, so whatever two
programs could read as two domains is refused. One exception comes out: AddressError.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import idna

MAX_LENGTH = 65_536  # characters: twenty recipients of a thousand, three times over
MAX_LOCAL_PART = 64  # octets (RFC 5321 §4.5.3.1.1)
MAX_DOMAIN = 253  # octets: 255 on the wire, where the first length and the root take two

# The pieces of RFC 5322 §3.2, for unfolded text. They are possessive: nothing is tried twice,
# so that time is linear whatever comes.
ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010FFFF"
DOT_ATOM = rf"[{ATEXT}]++(?:\.[{ATEXT}]++)*+"
QUOTED = r'"(?:[^"\\]|\\.)*+"'
# A comment must not hold what a program that skips comments badly takes for an address.
CTEXT = r'(?:[^()\\<>@"]|\\[^<>@"])'
COMMENT = rf"\((?:{CTEXT}|\({CTEXT}*+\))*+\)"
CFWS = rf"(?: |{COMMENT})*+"
# Dots in a name are obsolete (RFC 5322 §4.1), and everywhere: John Q. Public.
WORD = rf"(?:[{ATEXT}.]++|{QUOTED})"
PHRASE = rf"(?!\.){WORD}(?:{CFWS}{WORD})*+"
# Neither a comment nor a route inside of an address: programs disagree about both.
ADDRESS = rf'({DOT_ATOM}|{QUOTED})@([^\s"(),:;<>@\[\\\]]++)'

ONE_ADDRESS = re.compile(ADDRESS)
ONE_MAILBOX = re.compile(
    # An address as an unquoted name is no phrase, but thousands of programs write it.
    rf"{CFWS}(?:({PHRASE}|{DOT_ATOM}@[{ATEXT}.]++)?{CFWS}< *+{ADDRESS} *+>|{ADDRESS}){CFWS}"
)
GROUP_START = re.compile(rf"{CFWS}({PHRASE}){CFWS}:")
SEPARATOR = re.compile(rf"{CFWS}([,;])")
THE_END = re.compile(rf"{CFWS}\Z")
PIECE_OF_NAME = re.compile(rf"{COMMENT}|([{ATEXT}.@]++|{QUOTED})")
# What most programs write, and nothing in it that needs a second look.
SIMPLE = re.compile(
    r'(?:(?!\.)("?)((?:[A-Za-z0-9\'._\-]++ ?)*+)\1 ?(<))?'
    r"([A-Za-z0-9_+\-]++(?:\.[A-Za-z0-9_+\-]++)*+)@([A-Za-z0-9.\-]++)(?(3)>)"
)

NOT_TEXT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
ESCAPED = re.compile(r"\\(.)")
LOCAL_PART = re.compile(rf'{DOT_ATOM}|"[{ATEXT}. ]++"')
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# At least two labels, and no number at the end, which would be an IP address.
DOMAIN = re.compile(rf"(?:{LABEL}\.)++(?![0-9]++\Z){LABEL}")
# IDNA2003 maps these four to others or to nothing; IDNA2008 gives them domains of their own.
DEVIATIONS = frozenset("ßς\u200c\u200d")

STRUCTURE = frozenset('<>",;\\')
DOMAIN_IN_NAME = re.compile(r'@([^\s"(),;<>@\\]*)')

ENCODED_WORD = re.compile(r"=\?([\w\-]{1,40})(?:\*[\w\-]*+)?\?([bBqQ])\?([!->@-~]*+)\?=", re.ASCII)
# White space between two encoded words is not shown (RFC 2047 §6.2).
BETWEEN_ENCODED_WORDS = re.compile(r"(?<=\?=) (?==\?)")
# Python knows stranger ones, some of them slow (punycode).
CHARSET = re.compile(
    r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-\d{3,4}|koi8-[ru]|gb\d{4,5}|gbk|big5|shift_jis"
    r"|euc-(?:jp|kr)|iso-2022-(?:jp|kr)",
    re.ASCII | re.IGNORECASE,
)


class AddressError(ValueError):
    """Not an address, or one that two programs could read as two. Says so in ASCII."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody named in a header field."""

    display_name: str  # decoded, to be shown; "" where there is none
    local_part: str  # as written, in its quotes if it needs them
    domain: str  # A-labels, lower case

    @property
    def address(self) -> str:
        return f"{self.local_part}@{self.domain}"


def parse_mailboxes(value: str | bytes) -> list[Mailbox]:
    """Read the value of a From or To field: all its mailboxes, those in groups included."""
    text = unfold(value)
    simple = SIMPLE.fullmatch(text)
    if simple:
        _, name, _, local_part, domain = simple.groups(default="")
        return [Mailbox(name.strip(" "), check_local_part(local_part), domain_as_read(domain))]
    return list(mailboxes(text))


def split_address(address: str) -> tuple[str, str]:
    """Split a bare address, as forms and envelopes have it, into local part and domain."""
    written = ONE_ADDRESS.fullmatch(address)
    if not written or len(address) > MAX_LENGTH:
        raise AddressError(f"{excerpt(address)} is not an address")
    return check_local_part(written[1]), normalise_domain(written[2])


def unfold(value: str | bytes) -> str:
    """Return a field's value as one line of text, with spaces for tabs."""
    if len(value) > MAX_LENGTH:
        raise AddressError(f"An address field is longer than {MAX_LENGTH} characters")
    if isinstance(value, bytes):
        # Foreign octets may stand in a name, where the replacement does no harm.
        value = value.decode("utf-8", "replace")
    text = value.removesuffix("\r\n").replace("\t", " ").replace("\r\n ", " ").strip(" ")
    if NOT_TEXT.search(text):
        raise AddressError("An address field holds a control character or a stray line end")
    return text


def mailboxes(text: str) -> Iterator[Mailbox]:
    """Walk through an address-list (RFC 5322 §3.4), whose elements may be empty (§4.4)."""
    at = 0
    in_group = False
    between = True  # at the start, or behind a separator: the places where an element may stand
    while not THE_END.match(text, at):
        if found := SEPARATOR.match(text, at):
            if found[1] == ";" and not in_group:
                raise AddressError("Addresses must be separated by commas, not by semicolons")
            in_group = in_group and found[1] != ";"
            between = found[1] == ","
        elif between and not in_group and (found := GROUP_START.match(text, at)):
            refuse_second_address(found[1], decode_name(found[1]), address="")
            in_group = True
        elif between and (found := ONE_MAILBOX.match(text, at)):
            name, local_part, domain, bare_local_part, bare_domain = found.groups(default="")
            yield mailbox(name, local_part or bare_local_part, domain or bare_domain)
            between = False
        else:
            raise AddressError(f"Cannot read an address at {excerpt(text[at:])}")
        at = found.end()
    if in_group:
        raise AddressError("A group of addresses must end in a semicolon")


def mailbox(name: str, local_part: str, domain: str) -> Mailbox:
    shown = decode_name(name)
    refuse_second_address(name, shown, f"{local_part}@{domain}")
    return Mailbox(shown, check_local_part(local_part), domain_as_read(domain))


def decode_name(phrase: str) -> str:
    """Return a display name as people see it: no comments, quotes or encoded words."""
    words = (piece[1] for piece in PIECE_OF_NAME.finditer(phrase) if piece[1])
    name = " ".join(
        ESCAPED.sub(r"\1", word[1:-1]) if word.startswith('"') else word for word in words
    )
    if "=?" in name:
        name = ENCODED_WORD.sub(decode_word, BETWEEN_ENCODED_WORDS.sub("", name))
        if NOT_TEXT.search(name):
            raise AddressError("A display name holds an encoded control character")
    return name


def decode_word(word: re.Match[str]) -> str:
    """Decode one encoded word (RFC 2047 §2); one that cannot be decoded stays as it is."""
    charset, encoding, text = word.groups()
    if not CHARSET.fullmatch(charset):
        return word[0]
    try:
        if encoding in "bB":
            octets = binascii.a2b_base64(text + "==")  # the padding is often forgotten
        else:
            octets = binascii.a2b_qp(text, header=True)
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):
        return word[0]


def refuse_second_address(written: str, shown: str, address: str) -> None:
    """Refuse a name in which a program that decodes too early would find another address."""
    if "@" not in shown:
        return
    if not address or '"' not in written or "=?" in written:
        # Outside of quotes no address may stand; many programs repeat the one that follows.
        second = shown.lower() != address.lower()
    else:
        # In quotes, an address and no more is an ordinary name: "bob@x.test" <app@y.test>.
        domain = address.rpartition("@")[2].lower()
        others = (other.lower() != domain for other in DOMAIN_IN_NAME.findall(shown))
        second = not STRUCTURE.isdisjoint(shown) and any(others)
    if second:
        raise AddressError(f"A display name must not hold another address: {excerpt(shown)}")


def check_local_part(local_part: str) -> str:
    # In quotes, only what has no meaning elsewhere: "b@good.test"@evil.test splits in two ways.
    # An encoded word is none here (RFC 2047 §5), but some programs would decode it.
    if not LOCAL_PART.fullmatch(local_part) or "=?" in local_part:
        raise AddressError(f"The local part {excerpt(local_part)} is not supported")
    if not local_part.isascii():
        # No look-alikes of "@" and dots, nothing that cannot be seen (RFC 6532 §3.1 asks for
        # NFC; the other form also unmasks the wide characters).
        plain = unicodedata.normalize("NFKC", local_part) == local_part
        if not plain or not local_part.isprintable() or "\N{REPLACEMENT CHARACTER}" in local_part:
            raise AddressError(f"The local part {excerpt(local_part)} is not in its normal form")
    if len(local_part.encode()) > MAX_LOCAL_PART:
        raise AddressError(f"A local part is longer than {MAX_LOCAL_PART} octets")
    return local_part


def domain_as_read(written: str) -> str:
    """Normalise a domain out of a header, where nobody but us may map anything but its case."""
    domain = normalise_domain(written)
    if written.isascii():
        if written.endswith("."):
            raise AddressError(f"The domain {excerpt(written)} ends in a dot")
        return domain
    # Lower case for ASCII alone: bytes.lower() knows no other.
    if (
        not DEVIATIONS.isdisjoint(written)
        or idna.decode(domain) != written.encode().lower().decode()
    ):
        raise AddressError(f"The domain {excerpt(written)} must be written as {domain}")
    return domain


@lru_cache(maxsize=4096)
def normalise_domain(domain: str) -> str:
    """Return a domain name in lower-case A-labels (IDNA2008, UTS #46), without a last dot."""
    if len(domain) > MAX_DOMAIN + 1:
        raise AddressError(f"A domain is longer than {MAX_DOMAIN} octets")
    name = domain
    if not domain.isascii():
        try:
            # This also maps the wide dots of Asian keyboards (UTS #46 §2.3).
            name = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        except UnicodeError:
            raise AddressError(f"{excerpt(domain)} is not a domain") from None
    # An A-label stands as it is, valid or not: it can only ever mean itself.
    name = name.lower().removesuffix(".")
    if len(name) > MAX_DOMAIN or not DOMAIN.fullmatch(name):
        raise AddressError(f"{excerpt(domain)} is not a domain")
    return name


def excerpt(text: str) -> str:
    """Quote the beginning of a text in printable ASCII, as a reply may carry it."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")
