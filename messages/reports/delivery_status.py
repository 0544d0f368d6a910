"""Read delivery status notifications (RFC 3464, RFC 6533), whatever their programs make of them."""

import re
from collections.abc import Iterable, Iterator

from messages import classifier
from messages.reports import addresses, diagnostics, notices, originals, returned
from messages.reports.mail import Part, parse_fields
from messages.reports.report import Original, Report

MEDIA_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
# Fields of one recipient (RFC 3464 §2.3); the others are about the message.
OF_RECIPIENT = frozenset(
    {
        "original-recipient",
        "final-recipient",
        "x-actual-recipient",
        "action",
        "status",
        "diagnostic-code",
        "remote-mta",
        "last-attempt-date",
        "final-log-id",
        "will-retry-until",
    }
)
NAMES = ("final-recipient", "original-recipient", "x-actual-recipient")
# RFC 3464 §2.3.3 knows five actions; whatever else programs write, they write of failures.
FAILED, DELAYED = "failed", "delayed"
ACTIONS = {"delayed": DELAYED, "deferred": DELAYED}
NO_FAILURES = frozenset(
    {"delivered", "relayed", "expanded", "deliverable", "success", "successful"}
)
MAX_RECIPIENTS = 1000

Group = dict[str, str]

_FIRST_WORD = re.compile(r"[a-z]+")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BLANK_LINE = re.compile(rb"\n[ \t]*\n")


def read(mail: Part) -> list[Report] | None:
    """Return what a notification reports. None: the mail is none, or names no recipient."""
    contents = [part.octets for part in mail.walk() if part.media_type in MEDIA_TYPES]
    return of_contents(contents, mail)


def of_contents(contents: Iterable[bytes], mail: Part) -> list[Report] | None:
    """Return what parts of type message/delivery-status report."""
    words = returned.words(mail)
    lines, is_challenge = words.splitlines(), notices.is_challenge(words)
    reports: list[Report] = []
    is_notification = False
    for content in contents:
        about_message, groups = split(content)
        original = originals.of(mail, about_message)
        reporter = addresses.without_type(about_message.get("reporting-mta", ""))
        for group in groups[:MAX_RECIPIENTS]:
            is_notification = True
            found = _reports(group, original, reporter, lines)
            reports += [one for one in found if not (is_challenge and _is_held(one))]
    return reports if is_notification else None


def split(octets: bytes) -> tuple[Group, list[Group]]:
    """Part the fields about the message from those of each recipient.

    An empty line should stand between two recipients; some programs forget it, others put one
    where none belongs. A field that the group has already opens the next group in any case.
    """
    about_message: Group = {}
    groups: list[Group] = []
    for block in _BLANK_LINE.split(octets):
        begins = True
        for name, value in parse_fields(block):
            if name not in OF_RECIPIENT and not groups:
                about_message.setdefault(name, value)
                continue
            if not groups or name in groups[-1] or (begins and _is_another(name, groups[-1])):
                groups.append({})
            begins = False
            groups[-1][name] = value
    return about_message, groups


def _is_another(name: str, group: Group) -> bool:
    return name in NAMES and any(written in group for written in NAMES)


def _is_held(report: Report) -> bool:
    """Whether nobody has refused it: a guard keeps it until its sender does as he is told."""
    return report.status.startswith("4.7.") and classifier.find_code(report.diagnostic) is None


def _reports(group: Group, original: Original, reporter: str, lines: list[str]) -> Iterator[Report]:
    recipient = _recipient(group, original)
    diagnostic = addresses.without_type(group.get("diagnostic-code", ""))
    diagnostic = diagnostic or diagnostics.of(lines, recipient)
    status = _status(group.get("status", ""), diagnostic)
    action = _action(group.get("action", ""), status)
    if action in NO_FAILURES or status.startswith("2") or not (action or status):
        return
    judgement = classifier.of_report(status, diagnostic, is_final=action == FAILED)
    yield Report(
        recipient=recipient,
        kind=judgement.kind,
        status=status,
        permanent=action == FAILED and classifier.is_permanent(_code(status, diagnostic), status),
        reason=judgement.reason,
        diagnostic=diagnostic,
        reporter=reporter,
        original_recipient=addresses.of_field(group.get("original-recipient", "")),
        original=original,
    )


def _code(status: str, diagnostic: str) -> int | None:
    return None if status else classifier.find_code(diagnostic)


def _action(written: str, status: str) -> str:
    word = _FIRST_WORD.match(written.strip().lower())
    if word is None and not status:
        return ""
    return ACTIONS.get(word[0], FAILED) if word else FAILED


def _status(written: str, diagnostic: str) -> str:
    """Return the status, or a more exact one of the same class out of the server's own words."""
    found = _STATUS.search(written)
    said = _STATUS.search(diagnostic)
    if found is None:
        return said[1] if said else ""
    is_vague = found[1].endswith(".0.0")
    return said[1] if said and is_vague and said[1][0] == found[1][0] else found[1]


def _recipient(group: Group, original: Original) -> str:
    """Return the address, or what stands in its place: a pipe, a name in a directory."""
    written = [addresses.of_field(group[name]) for name in NAMES if group.get(name)]
    known = originals.recipients(original)
    named = [address for address in written if addresses.is_address(address)]
    if not named and len(known) == 1:
        return known[0]
    return (named or written or [""])[0]
