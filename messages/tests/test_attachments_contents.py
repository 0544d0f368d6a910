"""A forbidden name is found within what is attached: files in a text, archives, TNEF."""

import base64
import binascii
import gzip
import io
import random
import struct
import zipfile
import zlib

import pytest

from messages import header
from messages.attachments import TooComplex, forbidden_name

UU = b"begin 644 a.exe\r\n#86)C\r\n`\r\nend\r\n"
TEXT = b"Content-Type: text/plain\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
NOISE = random.Random(1).randbytes(3000).replace(b"PK", b"xx")


def found_in(content: bytes) -> str | None:
    return forbidden_name(*header.split(content))


def lines_of(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def attached(
    content: bytes, kind: bytes = b"application/octet-stream", name: bytes = b"x"
) -> bytes:
    return (
        MIXED
        + TEXT
        + b"\r\nHello\r\n--b\r\nContent-Type: "
        + kind
        + b"; name="
        + name
        + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + lines_of(content)
        + b"--b--\r\n"
    )


def uuencoded(name: bytes, content: bytes) -> bytes:
    lines = [binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)]
    return (
        b"begin 644 " + name + b"\r\n" + b"".join(lines).replace(b"\n", b"\r\n") + b"`\r\nend\r\n"
    )


def zipped(*names: str, packing: int = zipfile.ZIP_DEFLATED, **contents: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", packing) as archive:
        for name in names:
            archive.writestr(name, b"content of it")
        for name, content in contents.items():
            archive.writestr(name.replace("_", "."), content)
    return written.getvalue()


def office(*names: str) -> bytes:
    return zipped("[Content_Types].xml", "_rels/.rels", *names)


def tnef(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def attribute(level: int, tag: int, content: bytes) -> bytes:
    checksum = struct.pack("<H", sum(content) & 0xFFFF)
    return struct.pack("<BII", level, tag, len(content)) + content + checksum


def mapi(kind: int, tag: int, text: bytes) -> bytes:
    count = struct.pack("<IHHIHHI", 2, 0x0003, 0x3705, 1, kind, tag, 1)
    return attribute(2, 0x00069005, count + struct.pack("<I", len(text)) + text)


ZIP = zipped("readme.txt", "a.exe")
DIRECTORY = ZIP.index(b"PK\x01\x02")
UNICODE = struct.pack("<HHBI", 0x7075, 5 + 5, 1, zlib.crc32(b"a.txt")) + b"a.exe"
UNICODE_ENTRY = struct.pack(
    "<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 5, len(UNICODE)
)
ENCRYPTED = ZIP.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(
    b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
)

IN_TEXT = {
    "no MIME": b"\r\n" + UU,
    "text/plain": TEXT + b"\r\nHello\r\n" + UU,
    "text/html": b"Content-Type: text/html\r\n\r\n<pre>\r\n" + UU,
    "a part": MIXED + TEXT + b"\r\nHello\r\n" + UU + b"--b--\r\n",
    "a part without header": MIXED + b"\r\n" + UU,
    "preamble": MIXED.replace(b"--b", UU + b"--b"),
    "base64": TEXT + b"Content-Transfer-Encoding: base64\r\n\r\n" + lines_of(b"Hello\r\n" + UU),
    "base64 of LF": TEXT
    + b"Content-Transfer-Encoding: base64\r\n\r\n"
    + lines_of(b"Hello\n" + UU.replace(b"\r", b"")),
    "quoted-printable": TEXT
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nHello\r\n"
    + UU.replace(b"begin", b"=62eg=\r\nin"),
    "in a message": b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n" + UU,
    "an encoding of its own": TEXT + b"Content-Transfer-Encoding: x-uuencode\r\n\r\n" + UU,
    "a second file": b"\r\n" + uuencoded(b"a.txt", b"x" * 300) + UU,
    "blanks in the name": b"\r\n" + UU.replace(b"a.exe", b"my tool.exe"),
    "four digits": b"\r\n" + UU.replace(b"644", b"0644"),
    "no mode": b"\r\n" + UU.replace(b"644 ", b""),
    "no content": b"\r\nbegin 644 a.exe\r\n",
    "no end": b"\r\nbegin 644 a.exe",
    "base64 form": b"\r\nbegin-base64 644 a.exe\r\nYWJj\r\n====\r\n",
    "yEnc": b"\r\n=ybegin line=128 size=3 name=a.exe\r\nabc\r\n=yend size=3\r\n",
    "zip in uuencode": b"\r\n" + uuencoded(b"a.zip", ZIP),
    "zip in the base64 form": b"\r\nbegin-base64 644 a.zip\r\n" + lines_of(ZIP) + b"====\r\n",
}
ARCHIVES = {
    "zip": attached(ZIP),
    "another type": attached(ZIP, b"image/png", b"x.png"),
    "a text": attached(ZIP, b"text/plain", b"x.txt"),
    "the message itself": b"Content-Type: a"
    + attached(ZIP).partition(b"--b\r\nContent-Type: a")[2],
    "stored": attached(zipped("a.exe", packing=zipfile.ZIP_STORED)),
    "a folder": attached(zipped("dir/a.exe")),
    "a file that ends in a slash": attached(zipped("a.exe/")),
    "capitals": attached(zipped("A.EXE")),
    "in UTF-8": attached(zipped("счёт.exe")),
    "in cp437": attached(ZIP.replace(b"a.exe", b"\x84.exe")[:DIRECTORY]),
    "only in the directory": attached(ZIP[:DIRECTORY].replace(b".exe", b".txt") + ZIP[DIRECTORY:]),
    "only before the file": attached(ZIP[:DIRECTORY] + ZIP[DIRECTORY:].replace(b".exe", b".txt")),
    "only in the extra field": attached(UNICODE_ENTRY + b"a.txt" + UNICODE),
    "without a directory": attached(ZIP[:DIRECTORY]),
    "without beginning": attached(ZIP[DIRECTORY:], name=b"x.zip"),
    "broken off": attached(ZIP[: ZIP.index(b"a.exe") + 5]),
    "encrypted": attached(ENCRYPTED),
    "something in front": attached(NOISE + ZIP),
    "something short in front": attached(b"MZ" + ZIP),
    "something behind": attached(ZIP + NOISE),
    "a long comment": attached(ZIP[:-2] + b"\xff\xff" + b"x" * 65535),
    "zip in zip": attached(zipped(inner_zip=ZIP)),
    "zip in zip, stored": attached(zipped(inner_zip=ZIP, packing=zipfile.ZIP_STORED)),
    "zip in zip in zip": attached(zipped(x_zip=zipped(y_txt=zipped(z_zip=ZIP)))),
    "in a document": attached(office("word/document.xml", "a.exe")),
    "a .bin of no document": attached(office("a.bin")),
    "a .bin in a folder of no document": attached(office("dir/a.bin")),
    "a .bin without a document": attached(zipped("word/vbaProject.bin")),
    "a zip in a document": attached(zipped("[Content_Types].xml", x_zip=ZIP)),
    "in quoted-printable": TEXT.replace(b"text/plain", b"application/zip")
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    + b"".join(b"=%02X" % octet for octet in ZIP),
    "in eight bits": MIXED + b"Content-Type: application/zip\r\n\r\n" + ZIP.replace(b"\n", b"_"),
    "behind a line of hyphens": attached(ZIP).replace(b"\r\n\r\nUEs", b"\r\n\r\n--\r\nUEs"),
    "without a blank line": attached(ZIP).replace(b"\r\n\r\nUEs", b"\r\nUEs"),
    "padded early": attached(ZIP).replace(b"UEsDBBQA", b"UEsDBA==FAA="),
    "gzip": attached(gzip.compress(b"x")[:3] + b"\x08" + bytes(6) + b"a.exe\0x"),
    "gzip with an extra field": attached(b"\x1f\x8b\x08\x0c" + bytes(6) + b"\x02\0xxa.exe\0x"),
}
TNEF = {
    "title": tnef(attribute(2, 0x00018010, b"a.exe\0")),
    "transport name": tnef(attribute(2, 0x00069001, b"a.exe\0")),
    "long name": tnef(mapi(0x1E, 0x3707, b"a.exe\0")),
    "long name in UTF-16": tnef(mapi(0x1F, 0x3707, "a.exe\0".encode("utf-16-le"))),
    "short name": tnef(mapi(0x1E, 0x3704, b"A.EXE\0")),
    "extension": tnef(mapi(0x1F, 0x3703, ".exe\0".encode("utf-16-le"))),
    "behind others": tnef(
        attribute(1, 0x00069003, bytes(8)),
        attribute(2, 0x00018010, b"a.txt\0"),
        mapi(0x1E, 0x3707, b"a.exe\0"),
    ),
    "a wrong length in front": tnef(
        b"\x01\x03\x90\x06\x00\xff\xff\xff\xff", mapi(30, 0x3707, b"a.exe")
    ),
    "a message within": tnef(attribute(2, 0x00069005, tnef(attribute(2, 0x00018010, b"a.exe\0")))),
    "a zip within": tnef(attribute(2, 0x0006800F, ZIP)),
}
FAMILIES = {
    "text": IN_TEXT,
    "archives": ARCHIVES,
    "TNEF": {name: attached(content, b"application/ms-tnef") for name, content in TNEF.items()},
    "TNEF of any type": {name: attached(content) for name, content in TNEF.items()},
}


@pytest.mark.parametrize(
    ("family", "variant"), [(family, name) for family in FAMILIES for name in FAMILIES[family]]
)
def test_it_is_found_in_what_is_attached(family, variant):
    found = found_in(b"Subject: x\r\n" + FAMILIES[family][variant])

    assert found is not None and found.lower().endswith((".exe", ".exe/", ".bin"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"PK\x03\x04" + bytes(26) + b"PK\x01\x02" * 50_001 + bytes(46),
            "more than 50000 entries of archives",
        ),
        (zipped(x_zip=b"PK" + bytes(33 * 1024 * 1024)), "octets in nested archives"),
    ],
)
def test_an_archive_that_is_made_to_cost_is_too_complex(content, problem):
    with pytest.raises(TooComplex, match=problem):
        found_in(attached(content))


def test_archives_in_archives_too_often_are_too_complex():
    archive = ZIP
    for _ in range(7):
        archive = zipped(inner_zip=archive)
    assert found_in(attached(archive)) == "a.exe"
    with pytest.raises(TooComplex, match="nested more than 8 times"):
        found_in(attached(zipped(inner_zip=zipped(inner_zip=archive))))
