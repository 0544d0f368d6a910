"""A forbidden name is found among the files that an appointment carries."""

import base64

import pytest

from messages import header
from messages.attachments import forbidden_name

EVENT = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{}\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
LINES = {
    "by Outlook": "ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=a.exe:TVqQ",
    "by RFC 8607": 'ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME="a.exe":TVqQ',
    "in small letters": "attach;encoding=base64;x-filename=a.exe:TVqQ",
    "folded": "ATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILE\r\n NAME=a.e\r\n xe:TVqQ",
    "before a long file": f"ATTACH;X-FILENAME=a.exe:{'QUJD' * 5000}",
}


def found_in(content: bytes) -> str | None:
    return forbidden_name(*header.split(content))


def appointment(line: str, kind: bytes = b"text/calendar; method=REQUEST") -> bytes:
    return b"Content-Type: " + kind + b"\r\n\r\n" + EVENT.format(line).encode()


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_it_is_found_however_it_is_written(line):
    assert found_in(appointment(line)) == "a.exe"


@pytest.mark.parametrize("kind", [b"text/calendar", b"application/octet-stream; name=invite.ics"])
def test_it_is_found_in_base64(kind):
    head, _, text = appointment(LINES["folded"], kind).partition(b"\r\n\r\n")
    encoded = base64.encodebytes(text).replace(b"\n", b"\r\n")

    assert found_in(head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded) == "a.exe"


@pytest.mark.parametrize(
    "line",
    [
        "ATTACH;X-FILENAME=a.pdf:QUJD", "ATTACH:https://example.com/a.exe",
        "DESCRIPTION:filename=a.exe", "ATTACH;FMTTYPE=text/plain;VALUE=BINARY:QUJD",
    ],
)  # fmt: skip
def test_other_appointments_pass(line):
    assert found_in(appointment(line)) is None
