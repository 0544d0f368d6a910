"""Judge why a server does not take mail: of its replies (RFC 5321 §4.2, RFC 3463) and of reports.

What the words say goes before the enhanced status, and that before the bare code: many servers
send one status for everything, few write what is not so. All rules are data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from events.reasons import SUPPRESSING, Reason
from messages import rulebook
from messages.classifier.codes import BEFORE_RCPT, BY_CODE, BY_PHASE, BY_STATUS, BY_SUBJECT, SURE
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply

# What words mean, the first match counts; the clear ones before, the vague ones behind the status.
CLEAR = rulebook.load(Path(__file__).with_name("clear.txt"))
VAGUE = rulebook.load(Path(__file__).with_name("vague.txt"))

Kind = Literal["bounce", "soft_bounce", "blocked"]

MAX_TEXT = 1000  # characters that are looked at; what matters comes first

BLOCKED = frozenset(
    {
        Reason.REPUTATION,
        Reason.SPAM_CONTENT,
        Reason.AUTHENTICATION,
        Reason.POLICY,
        Reason.CONTENT_REJECTED,
        Reason.MESSAGE_TOO_LARGE,
        Reason.RELAYING_DENIED,
        Reason.PROTOCOL_ERROR,
    }
)
# What another day may mend, whatever the code says.
PASSING = frozenset(
    {
        Reason.MAILBOX_FULL,
        Reason.RATE_LIMITED,
        Reason.GREYLISTED,
        Reason.SERVER_ERROR,
        Reason.UNREACHABLE,
        Reason.EXPIRED,
    }
)

RECIPIENTS_OWN = frozenset(
    {
        Reason.INVALID_ADDRESS,
        Reason.INACTIVE_MAILBOX,
        Reason.DOMAIN_NOT_FOUND,
        Reason.HARD_BOUNCE,
    }
)

# "550 5.1.1 text", "550-5.1.1 text", "(#5.1.1)": wherever a code stands in a text.
STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]|\w)", re.ASCII)
CODE = re.compile(
    r"(?<![\w.:=#/-])([45][0-5]\d|57\d)(?=[ \t,;:\-#]|$)(?![ \t]*+(?:bytes|hours|days))"
)
# Addresses, and links but for their host, say nothing about the failure.
NAMES = re.compile(r"[\w.+=-]{1,64}+@[\w.-]{1,255}+|https?://([\w.-]*+)\S*+", re.ASCII)
BRACKETS = re.compile(r"[<>\[\](){}\"]")
BLANKS = re.compile(r"\s++")

# How reports tell which command was refused.
PHASES = (
    (Phase.RCPT, re.compile(r"rcpt[ _]to|rcpt command|rcpt_to", re.IGNORECASE)),
    (Phase.MAIL, re.compile(r"mail[ _]from|mail command", re.IGNORECASE)),
    (Phase.DOT, re.compile(r"end of data|data command|final dot|after i sent", re.IGNORECASE)),
    (Phase.GREETING, re.compile(r"initial connection|refused to talk", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a refusal means."""

    kind: Kind
    reason: Reason

    @property
    def suppresses(self) -> bool:
        """Whether the address should be written to no more."""
        return self.kind == "bounce" and self.reason in SUPPRESSING


def of_reply(reply: Reply, phase: Phase | None = None) -> Judgement:
    """Judge a reply that is not positive."""
    return judge(reply.code, reply.status, reply.text, phase)


def judge(code: int | None, status: str, text: str, phase: Phase | None = None) -> Judgement:
    """Judge by what is known: code None and status "" are looked for in the text.

    The kind is by nature, whether or not somebody tries again: `blocked` if they will not have
    mail from us, `bounce` if the recipient cannot be reached for ever, else `soft_bounce`.
    """
    text = text[:MAX_TEXT]
    status = status or find_status(text)
    if code is None:
        code = find_code(text)
    reason = find_reason(code, status, text, phase or find_phase(text))
    if reason in BLOCKED:
        return Judgement("blocked", reason)
    if is_permanent(code, status):
        return Judgement("soft_bounce" if reason in PASSING else "bounce", reason)
    if reason in (Reason.HARD_BOUNCE, Reason.INACTIVE_MAILBOX):
        # "Unavailable", for now.
        reason = Reason.SERVER_ERROR
    return Judgement("soft_bounce", reason)


def of_report(status: str, text: str, *, is_final: bool) -> Judgement:
    """Judge what another server reports; final: it tries no more."""
    judgement = judge(None, status, text)
    if not is_final:
        return Judgement("soft_bounce", judgement.reason)
    if judgement.kind == "soft_bounce":
        # Nobody will try again, so that it is a bounce; nothing of it is for ever.
        return Judgement("bounce", judgement.reason)
    return judgement


def is_permanent(code: int | None, status: str) -> bool:
    """Whether the other side says "never": by the code, where there is none by the status."""
    if code is not None and 400 <= code <= 599:
        return code >= 500
    return not status.startswith("4")


def find_status(text: str) -> str:
    """Return the enhanced status code in a text, or ""; one that says more goes first."""
    found = [match[1] for match in STATUS.finditer(text[:MAX_TEXT]) if match[1][0] in "45"]
    exact = [status for status in found if not status.endswith(".0.0")]
    return (exact or found or [""])[0]


def find_code(text: str) -> int | None:
    """Return the reply code in a text, or None."""
    found = CODE.search(text[:MAX_TEXT])
    return int(found[1]) if found else None


def find_phase(text: str) -> Phase | None:
    """Return which command was refused, if a report says so."""
    return next((phase for phase, words in PHASES if words.search(text)), None)


def find_reason(code: int | None, status: str, text: str, phase: Phase | None) -> Reason:
    """Return the first reason that a rule gives."""
    words = plain_words(text)
    # Neither the class, which says only for how long, nor "other" (x.0) say why.
    subject, _, detail = status[2:].partition(".")
    clear, exact = _by_words(CLEAR, words), BY_STATUS.get(f"{subject}.{detail}")
    if clear is Reason.HARD_BOUNCE and exact:
        clear = None  # "mailbox unavailable": a status that says why knows better
    reason = (
        SURE.get(f"{subject}.{detail}")
        or clear
        or exact
        or BY_SUBJECT.get(subject)
        or _by_words(VAGUE, words)
        or BY_CODE.get(code or 0)
        or BY_PHASE.get(phase, Reason.UNKNOWN)
    )
    # Before RCPT nobody was named but us.
    is_ours = phase in BEFORE_RCPT and reason in RECIPIENTS_OWN
    return BY_PHASE.get(phase, reason) if is_ours else reason


def plain_words(text: str) -> str:
    """Return a text as the rules read it."""
    return BLANKS.sub(" ", BRACKETS.sub(" ", NAMES.sub(r" \1 ", text.lower())))


def _by_words(rules: Mapping[str, re.Pattern[str]], words: str) -> Reason | None:
    name = next((name for name, pattern in rules.items() if pattern.search(words)), None)
    return Reason(name) if name else None
