"""Find out which message a report is about."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from messages.reports import addresses, mail, returned
from messages.reports.mail import Part
from messages.reports.report import Original

LIST_FIELDS = ("list-id", "list-post", "x-beenthere", "x-mailing-list")
_FOR = re.compile(r"\bfor <?([^\s<>;]{3,500})>?")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
MAX_KEPT = 200  # fields


def of(report: Part, about: Mapping[str, str]) -> Original:
    """Return what a report and its fields about the message (names in lower case) tell of it."""
    fields = header_of(report)
    named = dict(reversed(fields))
    message_id = _MESSAGE_ID.search(named.get("message-id", ""))
    reverse_path = about.get("original-mail-from") or named.get("return-path", "")
    return Original(
        message_id=message_id[0] if message_id else "",
        reverse_path=addresses.of_field(reverse_path),
        envelope_id=about.get("original-envelope-id", "")[: addresses.MAX_LENGTH],
        arrival_date=read_date(about.get("arrival-date") or about.get("received-date", "")),
        fields=tuple(fields[:MAX_KEPT]),
    )


def header_of(report: Part) -> list[tuple[str, str]]:
    """Return the header fields of the message that came back, if it did, with values as shown."""
    for part in report.walk():
        if part.media_type in mail.ORIGINALS:
            octets = part.octets.lstrip(b"\n")
            fields = mail.parse_fields(octets.partition(b"\n\n")[0])
            return _shown(fields)
    return _shown(returned.fields(report))


def _shown(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, mail.shown(value)) for name, value in fields]


def recipients(original: Original) -> list[str]:
    """Return who the message was for: by its last hop, else by its To and Cc.

    Nobody where it went over a mailing list: those name the list.
    """
    last_hop = _FOR.search("".join(original.values("received")[:1]))
    if last_hop:
        return addresses.find_all(last_hop[1])
    if any(original.values(name) for name in LIST_FIELDS):
        return []
    written = (value for name in ("to", "cc") for value in original.values(name))
    return addresses.find_all(", ".join(written))


def read_date(written: str) -> datetime | None:
    """Return a date as RFC 5322 §3.3 and §4.3 write it; None: not one that can be read."""
    try:
        date = parsedate_to_datetime(written[:100])
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
