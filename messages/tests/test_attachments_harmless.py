"""Ordinary mail passes, and real mail that nobody here wrote breaks nothing."""

import email
import email.policy
import json
import os
from pathlib import Path

import pytest

from messages import header
from messages.attachments import TooComplex, forbidden_name
from messages.attachments.extensions import forbidden
from messages.tests.test_attachments_contents import attached, office, tnef, zipped
from messages.tests.test_attachments_contents import attribute as tnef_attribute
from messages.tests.test_attachments_names import found_by

FOLDER = Path(os.environ.get("CORPORA_DIR", Path(__file__).parents[3] / "shared/corpora"))
# Real messages in which a file with a forbidden name is attached.
JUSTIFIED = {"mime/enmime/parts__bin-attach.raw": "test.bin"}

FIELDS = [
    b'Content-Disposition: attachment; filename="invoice.pdf"',
    b'Content-Disposition: attachment; filename="a.exe.txt"',
    b'Content-Disposition: attachment; filename="example.com.pdf"',
    b'Content-Disposition: attachment; filename="someone@example.com.eml"',
    b'Content-Disposition: attachment; filename="Re: order at example.com: sent.eml"',
    b'Content-Disposition: attachment; filename="notexe"',
    b'Content-Disposition: attachment; filename="a.json"',
    b'Content-Disposition: attachment; filename="a.jsx"; x=".exe"',
    b'Content-Disposition: attachment; filename="company.regulations"',
    b'Content-Disposition: attachment; filename*0="my.com"; filename*1="pany.pdf"',
    b"Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.pdf",
    b'Content-Disposition: attachment; filename="=?utf-8?Q?caf=C3=A9.pdf?="',
    b"Content-Disposition: attachment",
    b'Content-Disposition: form-data; filename=""',
    b'Content-Type: text/html; charset="utf-8"; format=flowed',
    b"Content-Type: image/png; name=logo.png\r\nContent-ID: <logo.png@example.com>",
    b"Content-Type: text/html\r\nContent-Location: https://example.com",
    b"Content-Type: text/html\r\nContent-Location: https://example.com/cgi/page.exe?x=1",
    b"Content-Type: image/png\r\nContent-Location: https://example.com",
    b"Content-Type: image/png\r\nContent-Location: https://example.com/logo.png?from=a.exe",
    b"Content-Type: image/png\r\nContent-Location: cid:logo@example.com",
    b"Content-Type: message/rfc822\r\nContent-Description: Message from example.com",
    b"Content-Type: text/plain\r\nContent-Description: sent by setup.exe",
    b"X-File: a.exe",
]
OFFICE = [
    office("word/document.xml", "word/vbaProject.bin", "word/embeddings/oleObject1.bin"),
    office("xl/workbook.xml", "xl/printerSettings/printerSettings1.bin", "xl/activeX/activeX1.bin"),
    office("xl/workbook.bin", "xl/worksheets/sheet1.bin", "xl/worksheets/binaryIndex1.bin"),
    office("ppt/presentation.xml", "ppt/embeddings/oleObject1.bin", "ppt/vbaProject.bin"),
]
CONTENTS = [
    *OFFICE,
    zipped("mimetype", "content.xml", "META-INF/manifest.xml", "Object 1"),
    zipped("report.pdf", "www.example.com/index.html"),
    zipped("www.example.com/index.html", **{"report_docx": OFFICE[0]}),
    b"%PDF-1.7 a.exe " + bytes(range(256)) * 100,
    tnef(tnef_attribute(1, 0x00069004, b"someone@example.com\0")),
    b"",
]
BODIES = [
    b"Please begin 644 times with setup.exe\r\n",
    b"begin the program setup.exe\r\nand go on\r\n",
    b"Content-Disposition: attachment; filename=a.exe\r\n",
    b"Your files: a.exe, https://example.com/a.exe, filename=a.exe\r\n",
    b"--b\r\nContent-Type: application/x; name=a.exe\r\n\r\n",
    b"-----\r\nBuy at example.com\r\n-----\r\n",
]


@pytest.mark.parametrize("fields", FIELDS)
def test_fields_that_name_nothing_forbidden_pass(fields):
    assert found_by(fields) is None


@pytest.mark.parametrize("content", CONTENTS)
def test_contents_without_a_program_pass(content):
    assert forbidden_name(*header.split(attached(content))) is None


@pytest.mark.parametrize("body", BODIES)
def test_texts_that_speak_of_programs_pass(body):
    fields = b"Subject: a.exe\r\nX-Name: a.exe\r\nContent-Type: text/plain\r\n\r\n"
    assert forbidden_name(*header.split(fields + body)) is None
    in_part = b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nX-Name: a.exe\r\n\r\n"
    if not body.startswith((b"--b", b"Content-")):
        assert forbidden_name(*header.split(in_part + body + b"--c--\r\n")) is None


def real_messages(manifest: str) -> list[str]:
    path = FOLDER / manifest
    if not path.exists():
        pytest.skip(f"The corpora are not in {FOLDER}")
    return [json.loads(line)["path"] for line in path.read_text().splitlines()]


def read(path: str) -> bytes:
    return b"\r\n".join((FOLDER / path).read_bytes().splitlines()) + b"\r\n"


def found_in_file(path: str) -> str | None:
    content = read(path)
    try:
        fields, body = header.split(content)
    except header.HeaderError:
        # The door refuses these; whatever stands in them, this reader must bear.
        fields, body = [header.Field(b"content-type", content)], content
    return forbidden_name(fields, body)


@pytest.mark.parametrize("manifest", ["negatives.jsonl", "mime.jsonl", "bounces.jsonl"])
def test_real_mail_passes_but_for_what_carries_a_program(manifest):
    paths = real_messages(manifest)

    found = {path: name for path in paths if (name := found_in_file(path))}

    assert found.items() <= JUSTIFIED.items()


def names_that_python_finds(content: bytes) -> list[str]:
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        return [name for part in message.walk() if (name := part.get_filename())]
    except Exception:  # its reader of headers has holes
        return []


@pytest.mark.parametrize("manifest", ["negatives.jsonl", "mime.jsonl"])
def test_whatever_python_finds_in_real_mail_is_found(manifest):
    for path in real_messages(manifest):
        for name in names_that_python_finds(read(path)):
            # The same mail, were its attachment a program.
            renamed = read(path).replace(name.encode(), name.encode() + b".exe")
            if forbidden(name) or any(map(forbidden, names_that_python_finds(renamed))):
                assert is_found(renamed), path


def is_found(content: bytes) -> bool:
    try:
        return forbidden_name(*header.split(content)) is not None
    except (TooComplex, header.HeaderError):
        return True
