"""Read what a domain says of TLS to its exchangers: MTA-STS (RFC 8461), text in and values out."""

import re
from dataclasses import dataclass
from enum import Enum

from messages.exchangers import Exchangers

# Seconds: a year, as RFC 8461 §3.2 has it.
LONGEST = 31_557_600
MAX_PATTERNS = 100

# RFC 8461 §3.1: v first, then id and whatever comes later.
_RECORD = re.compile(r"v=STSv1[ \t]*;[ \t]*(.*)", re.DOTALL)
_ID = re.compile(r"(?:.*;)?[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*(?:;.*)?", re.DOTALL)
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")


class Mode(Enum):
    """What a policy asks of those who send."""

    ENFORCE = "enforce"  # only to exchangers that match, over TLS that is verified
    TESTING = "testing"  # deliver whatever is wrong
    NONE = "none"  # the domain has no policy any more


class PolicyError(Exception):
    """This is no policy. Says why, in words for a log."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What one domain asks of those who send it mail."""

    mode: Mode
    patterns: tuple[str, ...]  # "mx.example.net" or "*.example.net", in lower case
    max_age: int  # seconds that it may be believed

    def allows(self, host: str) -> bool:
        """Say whether an exchanger is one of the domain's; * is exactly one label (§4.1)."""
        parent = "*." + host.partition(".")[2]
        return host in self.patterns or parent in self.patterns

    def applied_to(self, exchangers: Exchangers) -> Exchangers:
        """Return the exchangers that mail may go to, none perhaps, and on what condition."""
        if self.mode is not Mode.ENFORCE:
            return exchangers
        groups = (tuple(filter(self.allows, group)) for group in exchangers.groups)
        return Exchangers(tuple(group for group in groups if group), require_tls=True)


def policy_id(texts: list[str]) -> str:
    """Return the id that the record at `_mta-sts` announces; "": the domain has no policy.

    Of more records than one none counts (RFC 8461 §3.1).
    """
    records = [match[1] for text in texts if (match := _RECORD.fullmatch(text))]
    if len(records) != 1:
        return ""
    found = _ID.fullmatch(records[0])
    return found[1] if found else ""


def parse(text: str) -> Policy:
    """Read a policy file (RFC 8461 §3.2). Raises PolicyError. Keys that we do not know are skipped.

    Of a key that stands twice the first counts, but for mx.
    """
    known: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "mx":
            patterns.append(value.lower())
        else:
            known.setdefault(key, value)
    if known.get("version") != "STSv1":
        raise PolicyError("It does not say version: STSv1")
    try:
        mode = Mode(known.get("mode", ""))
    except ValueError:
        raise PolicyError("It has no mode that we know") from None
    return Policy(mode, _checked(patterns, mode), _age(known.get("max_age", "")))


def _checked(patterns: list[str], mode: Mode) -> tuple[str, ...]:
    if not patterns and mode is not Mode.NONE:
        raise PolicyError("It names no mx")
    if len(patterns) > MAX_PATTERNS:
        raise PolicyError(f"It names more than {MAX_PATTERNS} mx")
    if wrong := [one for one in patterns if not _HOST.fullmatch(one)]:
        raise PolicyError(f"This is no mx: {wrong[0][:80]!r}")
    return tuple(one.rstrip(".") for one in patterns)


def _age(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise PolicyError("It has no max_age")
    return min(int(text), LONGEST)
