"""The rules that every message is scored by: few, and such that transactional mail trips none."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from messages import header
from messages.header import Field
from messages.spam.text import readable
from messages.spam.verdict import HARMLESS, Verdict

Test = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text must hold for the rule to match; all words in lower case."""

    name: str
    score: float
    sees: str  # what it looks for, in one sentence
    # One of these must stand in the text before anything else is looked for: each look at a text
    # of 10 KB costs 4 µs, and there are many messages.
    any_of: tuple[bytes, ...] = ()
    words: tuple[bytes, ...] = ()
    needed: int = 0  # so many of the words
    test: Test | None = None

    def matches(self, text: bytes) -> bool:
        return (
            any(word in text for word in self.any_of)
            and sum(word in text for word in self.words) >= self.needed
            and (self.test is None or bool(self.test(text)))
        )


# What stands between the name of an attribute and its value. Possessive, as all that may be long:
# the door looks at a message while others wait, so nothing may be tried twice.
IS = rb"""\s*+=\s*+["']?+"""
IP_HOST = rb"https?://\d{1,3}(?:\.\d{1,3}){3}"
LINK = re.compile(
    rb"<a\s[^>]{0,500}?href" + IS + rb"https?://([\w.-]++)[^>]{0,500}+>\s{0,20}+https?://([\w.-]++)"
)


def shows_another_host(text: bytes) -> bool:
    """Say whether a link shows an address in one domain and leads to another."""
    return any(_owner(match[1]) != _owner(match[2]) for match in LINK.finditer(text))


def _owner(host: bytes) -> bytes:
    # The last two labels; that takes a.co.uk and b.co.uk for one, which only lets pass.
    return b".".join(host.strip(b".").split(b".")[-2:])


RULES = (
    Rule(
        "GTUBE", 1000, "The test string that every scanner knows",
        any_of=(b"gtube-standard-anti-ube-test-email",),
        test=re.compile(rb"xjs\*c4jdbqadn1\.nsbn3\*2idnen\*gtube-standard-anti-ube-test-email\*c\.34x")
        .search,
    ),
    Rule(
        "ADVANCE_FEE", 8.5, "Four or more phrases of the fortune that waits for its heir",
        any_of=(b"million", b"beneficiary", b"inheritance"),
        words=(
            b"next of kin", b"million dollars", b"million usd", b"million united states dollars",
            b"beneficiary", b"inheritance", b"barrister", b"late client", b"transfer the fund",
            b"transfer of the fund", b"business proposal", b"strictly confidential",
            b"foreign partner", b"dormant account", b"your full names",
        ),
        needed=4,
    ),
    Rule(
        "LOTTERY", 6, "Three or more phrases of a prize in a lottery that nobody entered",
        any_of=(b"lottery", b"prize"),
        words=(
            b"you have won", b"you are a winner", b"lottery", b"claim your prize",
            b"winning number", b"lucky winner", b"claims agent", b"cash prize",
        ),
        needed=3,
    ),
    Rule(
        "PILLS", 5, "Names of pills beside words that sell them",
        any_of=(b"viagra", b"cialis"),
        test=re.compile(rb"cheap|discount|no prescription|per pill|order now|buy now").search,
    ),
    Rule(
        "EXTORTION", 7, "A threat to show a recording, and a wallet to pay to",
        any_of=(b"bitcoin",),
        test=re.compile(rb"your webcam|recorded you|video of you|your contacts will").search,
    ),
    Rule(
        "CASINO", 4, "Games of chance with gifts",
        any_of=(b"casino",),
        words=(b"free spins", b"jackpot", b"welcome bonus", b"slot machine"),
        needed=2,
    ),
)  # fmt: skip

# These are looked for in HTML alone, which shows by its first tag.
HTML_RULES = (
    Rule(
        "FORM_TO_IP", 4.5, "A form that sends what is typed to a bare IP address",
        any_of=(b"<form",),
        test=re.compile(rb"<form[^>]{0,300}action" + IS + IP_HOST).search,
    ),
    Rule(
        "LINK_TO_IP", 2.5, "A link to a bare IP address",
        any_of=(b"href",), test=re.compile(rb"href" + IS + IP_HOST).search,
    ),
    Rule(
        "LINK_TO_PROGRAM_AT_IP", 4, "A link to a program at a bare IP address",
        any_of=(b"href",),
        test=re.compile(
            rb"href" + IS + IP_HOST + rb"[^\s\"'<>]{0,300}\.(?:exe|scr|vbs|hta|msi|bat)\b"
        ).search,
    ),
    Rule(
        "LINK_SHOWS_ANOTHER_HOST", 2.5, "A link that shows one address and leads to another",
        any_of=(b"<a ",), test=shows_another_host,
    ),
    Rule(
        "JAVASCRIPT_LINK", 3, "A link that runs a script",
        any_of=(b"javascript:",),
        test=re.compile(rb"href" + IS + rb"\s*+javascript:").search,
    ),
)  # fmt: skip

SHOUTING = Rule("SHOUTING_SUBJECT", 2, "A subject in capitals with two or more exclamation marks")
BULK_MAILER = Rule("BULK_MAILER", 2, "An X-Mailer that is known from bulk mail alone")
BULK_MAILERS = re.compile(
    r"mass ?mail|bulk ?mail|email ?blast|group mail|advanced mass sender|dark ?mailer",
    re.IGNORECASE,
)


def score(fields: list[Field], body: bytes) -> Verdict:
    """Return the verdict of all rules on a message."""
    text = readable(fields, body)
    rules = RULES + HTML_RULES if b"<a" in text or b"<form" in text else RULES
    found = [rule for rule in rules if rule.matches(text)]
    found += _by_header(fields)
    if not found:
        return HARMLESS
    return Verdict(sum(rule.score for rule in found), tuple(rule.name for rule in found))


def _by_header(fields: list[Field]) -> list[Rule]:
    found = []
    for field in header.find(fields, b"subject")[:1]:
        subject = field.text
        if subject.count("!") > 1 and subject.isupper() and sum(map(str.isalpha, subject)) > 9:
            found.append(SHOUTING)
    if any(BULK_MAILERS.search(field.text[:200]) for field in header.find(fields, b"x-mailer")):
        found.append(BULK_MAILER)
    return found
