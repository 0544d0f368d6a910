"""Suppression lists as CSV (RFC 4180), out and in, safe to open with a spreadsheet.

A spreadsheet takes a cell that begins with = + - @ for a formula. On the way out such a cell gets
an apostrophe in front, on the way in that apostrophe is taken off: what was exported comes back as
it was.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from domains.addresses import AddressError, excerpt
from events.models import Suppression
from events.suppressions import MAX_NOTE, Entry, normal_form

COLUMNS = ("address", "reason", "note", "expires_at")
FORMULA = re.compile(r"'*[=+\-@\t\r]")
ESCAPED_FORMULA = re.compile(r"''*[=+\-@\t\r]")


class CsvUnreadable(Exception):
    """The whole file cannot be read. Says why."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: where it ends in the file, and why."""

    line: int  # from 1
    detail: str


def write(rows: Iterable[Suppression]) -> Iterator[str]:
    """Yield the lines of a file, heading first."""
    yield line(COLUMNS)
    for one in rows:
        expires_at = one.expires_at.astimezone(UTC).isoformat() if one.expires_at else ""
        yield line((one.address, one.reason, one.note, expires_at.replace("+00:00", "Z")))


def line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if FORMULA.match(cell) else cell for cell in cells])
    return text.getvalue()


def read(octets: bytes) -> Iterator[Entry | BadRow]:
    """Yield what each row asks for, or why it cannot be read. Raises CsvUnreadable.

    A heading may name the columns in any order, and others, which are left out; without one the
    columns are COLUMNS, of which all but the first may be missing.
    """
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CsvUnreadable(f"The file is not UTF-8: see octet {error.start}") from None
    return _rows(text)


def _rows(text: str) -> Iterator[Entry | BadRow]:
    reader = csv.reader(io.StringIO(text, newline=""))
    columns: tuple[str, ...] | None = None
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, f"This is no CSV: {error}")
            continue
        if not any(cells):
            continue
        if columns is None:
            names = tuple(cell.lower() for cell in cells)
            columns = names if "address" in names else COLUMNS
            if columns is names:
                continue
        yield _row(reader.line_num, dict(zip(columns, cells, strict=False)))


def _row(number: int, cells: dict[str, str]) -> Entry | BadRow:
    values = {name: plain(cells.get(name, "")) for name in COLUMNS}
    try:
        return Entry(
            address=normal_form(values["address"]),
            reason=_reason(values["reason"]),
            note=_note(values["note"]),
            expires_at=_expires_at(values["expires_at"]),
        )
    except (AddressError, ValueError) as error:
        return BadRow(number, str(error))


def plain(cell: str) -> str:
    """Return a cell without the apostrophe that keeps spreadsheets from computing it."""
    return cell[1:] if ESCAPED_FORMULA.match(cell) else cell


def _reason(text: str) -> Suppression.Reason:
    try:
        return Suppression.Reason(text.lower() or Suppression.Reason.MANUAL)
    except ValueError:
        reasons = ", ".join(Suppression.Reason.values)
        raise ValueError(f"The reason {excerpt(text)} is none of {reasons}") from None


def _note(text: str) -> str:
    if "\0" in text or len(text) > MAX_NOTE:
        raise ValueError(f"A note has at most {MAX_NOTE} characters, and no NUL among them")
    return text


def _expires_at(text: str) -> datetime | None:
    if not text:
        return None
    moment = _moment(text)
    if moment is None:
        raise ValueError(f"The time {excerpt(text)} is not like 2026-12-31T00:00:00Z")
    if moment <= timezone.now():
        raise ValueError(f"The time {excerpt(text)} has passed")
    return moment


def _moment(text: str) -> datetime | None:
    """Return a time in UTC; None where it is none, on no calendar, or has no year there."""
    try:
        moment = parse_datetime(text)
        if moment is None or timezone.is_naive(moment):
            return moment and moment.replace(tzinfo=UTC)
        # PostgreSQL would keep the year 10000, and nobody could read it from there.
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
