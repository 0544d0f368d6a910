"""Read notices of failure in no standard form: those of qmail, Exim, Exchange and others."""

import re
from collections.abc import Iterator

from events.reasons import Reason
from messages import classifier
from messages.reports import (
    addresses,
    candidates,
    delivery_status,
    diagnostics,
    notices,
    originals,
    returned,
)
from messages.reports.candidates import Candidate
from messages.reports.mail import Part
from messages.reports.report import Original, Report

# A notification whose MIME was lost stands in the text as it is.
_INLINE = re.compile(r"^(?:reporting-mta|final-recipient)[ \t]*+:", re.IGNORECASE | re.MULTILINE)
_INLINE_END = re.compile(r"^(?:--|received:|return-path:)", re.IGNORECASE | re.MULTILINE)
# Exim's, of a message that it tried for days.
_TRIED_LONG = re.compile(
    r"(?<!delivery )retry time(?:out)? (?:exceeded|not reached)|all hosts .{0,30}failing", re.I
)


def read(mail: Part) -> list[Report] | None:
    """Return what a notice of failure reports. None: the mail is no such notice."""
    words = returned.words(mail)
    if not notices.is_failure(mail, words):
        return None
    return _inline(mail) or list(_of_words(mail, words))


def _inline(mail: Part) -> list[Report] | None:
    text = returned.text(mail, "text/plain")
    begin = _INLINE.search(text)
    if begin is None:
        return None
    end = _INLINE_END.search(text, begin.end())
    inline = text[begin.start() : end.start() if end else len(text)]
    return delivery_status.of_contents([inline.encode()], mail)


def _of_words(mail: Part, words: str) -> Iterator[Report]:
    original = originals.of(mail, {})
    lines = words.splitlines()
    found = candidates.find(lines, _senders(mail, original))
    is_delay = notices.is_delay(words)
    for address, places in _recipients(mail, original, found).items():
        about = _about(address, places, lines, found)
        yield _report(address, about, original, is_delay)


def _senders(mail: Part, original: Original) -> set[str]:
    """Return the addresses that the original is from, and the notice is from or for."""
    names = ("to", "from", "reply-to", "return-path", "sender", "delivered-to", "x-original-to")
    of_notice = (mail.value(name) for name in names)
    of_original = (
        value for name in ("from", "return-path", "sender") for value in original.values(name)
    )
    return {one.lower() for one in addresses.find_all(", ".join((*of_notice, *of_original)))}


def _recipients(
    mail: Part, original: Original, found: list[Candidate]
) -> dict[str, list[Candidate]]:
    """Return who failed, each with the places where it is named."""
    # Exim's and Gmail's field, made for this.
    named = addresses.find_all(mail.value("x-failed-recipients"))
    if not named:
        named = [one.address for one in found]
    if not named:
        known = originals.recipients(original)
        named = known if len(known) == 1 else [""]
    by_lower = {address.lower(): address for address in reversed(named)}
    return {
        address: [one for one in found if one.address.lower() == lower]
        for lower, address in reversed(by_lower.items())
    }


def _about(
    address: str, places: list[Candidate], lines: list[str], found: list[Candidate]
) -> list[str]:
    """Return the lines that are about one recipient: all of them where it is the only one."""
    if len({one.address.lower() for one in found}) < 2 or not places:
        return lines
    begin = places[0].line
    others = [one.line for one in found if one.line > begin and one.address != places[0].address]
    end = min(others, default=len(lines))
    elsewhere = [line for line in lines[end:] if address.lower() in line.lower()]
    return lines[begin:end] + elsewhere


def _report(address: str, about: list[str], original: Original, is_delay: bool) -> Report:
    text = "\n".join(about)
    diagnostic = diagnostics.find(about, address)
    status = classifier.find_status(diagnostic) or classifier.find_status(text)
    code = classifier.find_code(diagnostic) or classifier.find_code(text)
    judgement = classifier.of_report(status, diagnostic, is_final=not is_delay)
    if judgement.reason is Reason.UNKNOWN:
        judgement = classifier.of_report(status, text, is_final=not is_delay)
    is_permanent = classifier.is_permanent(code, status) and not _TRIED_LONG.search(text)
    return Report(
        recipient=address,
        kind=judgement.kind,
        status=status,
        permanent=is_permanent and not is_delay,
        reason=judgement.reason,
        diagnostic=diagnostic,
        original=original,
    )
