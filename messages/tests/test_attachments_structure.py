"""A forbidden name is found wherever in the structure of a message its part stands."""

import base64
import quopri

import pytest

from messages import header
from messages.attachments import TooComplex, forbidden_name

PART = (
    b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.exe\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n"
)
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
TEXT = b"Content-Type: text/plain\r\n\r\nHello\r\n"
MESSAGE = b"Subject: inner\r\n" + MIXED + b"--b\r\n" + TEXT + b"--b\r\n" + PART + b"--b--\r\n"
SINGLE = b"Subject: inner\r\n" + PART


def found_in(content: bytes) -> str | None:
    return forbidden_name(*header.split(content))


def encoded(kind: bytes, encoding: bytes, content: bytes, fields: bytes = b"") -> bytes:
    encode = base64.encodebytes if encoding == b"base64" else quopri.encodestring
    return (
        b"Content-Type: "
        + kind
        + b"\r\n"
        + fields
        + b"Content-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
        + encode(content).replace(b"\n", b"\r\n")
        + b"\r\n"
    )


def mixed(*parts: bytes) -> bytes:
    return MIXED + b"".join(b"--b\r\n" + part for part in parts) + b"--b--\r\n"


def with_type(content_type: bytes, delimiter: bytes = b"--b") -> bytes:
    return b"Content-Type: " + content_type + b"\r\n\r\n" + delimiter + b"\r\n" + PART


PLACES = {
    "the message itself": PART,
    "first part": mixed(PART, TEXT),
    "last part": mixed(TEXT, PART),
    "after another": mixed(TEXT, PART.replace(b"a.exe", b"a.pdf"), PART),
    "inner multipart": mixed(b"Content-Type: multipart/related; boundary=c\r\n\r\n--c\r\n" + PART),
    "the same boundary within": mixed(MIXED + b"--b\r\n" + PART),
    "preamble": MIXED + b"--other\r\n" + PART + b"--b\r\n" + TEXT + b"--b--\r\n",
    "epilogue": mixed(TEXT) + b"--b\r\n" + PART,
    "behind blank lines": mixed(b"\r\n\r\n" + PART),
    "thirty deep": MIXED + b"--b\r\n" + (MIXED + b"--b\r\n") * 30 + PART,
}
BOUNDARIES = {
    "quoted": with_type(b'multipart/mixed; boundary="b"'),
    "other than stated": with_type(b"multipart/mixed; boundary=other"),
    "missing": with_type(b"multipart/mixed"),
    "empty": with_type(b'multipart/mixed; boundary=""', b"--"),
    "blanks behind": with_type(b"multipart/mixed; boundary=b", b"--b \t "),
    "blanks in quotes": with_type(b'multipart/mixed; boundary="b  "', b"--b"),
    "a comment": with_type(b"multipart/mixed; boundary=b (c)"),
    "a comment in the type": with_type(b"multipart (c) / mixed; boundary=b"),
    "in pieces": with_type(b"multipart/mixed; boundary*0=b; boundary*1=c", b"--bc"),
    "with a charset": with_type(b"multipart/mixed; boundary*=us-ascii''b%63", b"--bc"),
    "two of them": with_type(b"multipart/mixed; boundary=x; boundary=b"),
    "a subtype of nobody": with_type(b"multipart/unheard-of; boundary=b"),
    "capitals": with_type(b"MULTIPART/MIXED; BOUNDARY=b"),
    "no slash": with_type(b"multipart; boundary=b"),
    "a second type": with_type(b"text/plain\r\nContent-Type: multipart/mixed; boundary=b"),
    "a first type": with_type(b"multipart/mixed; boundary=b\r\nContent-Type: text/plain"),
    "never closed": MIXED + b"--b\r\n" + PART[:-2],
    "closed too early": MIXED + b"--b--\r\n\r\n--b\r\n" + PART,
    "twice in a row": MIXED + b"--b\r\n--b\r\n" + PART,
    "a header without a blank line": mixed(PART.replace(b"\r\n\r\n", b"\r\n")),
    "a header that is all": MIXED + b"--b\r\n" + PART.partition(b"\r\n\r\n")[0],
}
MESSAGES = {
    "message/rfc822": b"Content-Type: message/rfc822\r\n\r\n" + MESSAGE,
    "message/rfc822 in a part": mixed(b"Content-Type: message/rfc822\r\n\r\n" + MESSAGE),
    "of one part": mixed(b"Content-Type: message/rfc822\r\n\r\n" + SINGLE),
    "twice": mixed(b"Content-Type: message/rfc822\r\n\r\n" * 2 + SINGLE),
    "behind blank lines": mixed(b"Content-Type: message/rfc822\r\n\r\n\r\n\r\n" + SINGLE),
    "message/global": mixed(b"Content-Type: message/global\r\n\r\n" + SINGLE),
    "message/partial": b"Content-Type: message/partial; id=x; number=1\r\n\r\n" + SINGLE,
    "the second message/partial": b"Content-Type: message/partial; number=2\r\n\r\n--b\r\n" + PART,
    "message/news": mixed(b"Content-Type: MESSAGE/News\r\n\r\n" + SINGLE),
    "in a digest": b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" + SINGLE,
    "in a digest, with a field": b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n"
    b"Content-Description: one\r\n\r\n" + SINGLE,
    "base64": encoded(b"message/rfc822", b"base64", MESSAGE),
    "base64 in a part": mixed(TEXT, encoded(b"message/rfc822", b"base64", MESSAGE)),
    "base64 with LF": mixed(encoded(b"message/rfc822", b"base64", SINGLE.replace(b"\r", b""))),
    "base64 with CR": mixed(encoded(b"message/rfc822", b"base64", SINGLE.replace(b"\n", b""))),
    "quoted-printable": mixed(encoded(b"message/rfc822", b"quoted-printable", MESSAGE)),
    "base64 multipart": encoded(b"multipart/mixed; boundary=b", b"base64", b"--b\r\n" + PART),
    "base64 in base64": mixed(
        encoded(b"message/rfc822", b"base64", mixed(encoded(b"message/rfc822", b"base64", SINGLE)))
    ),
    "a file .eml": mixed(encoded(b"application/octet-stream; name=x.eml", b"base64", MESSAGE)),
    "a file .eml, name encoded": mixed(
        encoded(b'application/x; name="=?utf-8?B?eC5lbWw=?="', b"base64", SINGLE)
    ),
    "a file .eml, not encoded": mixed(b"Content-Type: application/x; name=x.eml\r\n\r\n" + SINGLE),
    "a file .mht": mixed(encoded(b"application/x; name=x.mht", b"base64", MESSAGE)),
}
FAMILIES = {"places": PLACES, "boundaries": BOUNDARIES, "messages": MESSAGES}


@pytest.mark.parametrize(
    ("family", "variant"), [(family, name) for family in FAMILIES for name in FAMILIES[family]]
)
def test_it_is_found_in_every_structure(family, variant):
    found = found_in(b"Subject: outer\r\n" + FAMILIES[family][variant])

    # In quoted-printable, filename=a.exe is written filename=3Da.exe, which is found as well.
    assert found is not None and found.endswith("a.exe")


def test_a_thousand_parts_are_looked_through_and_more_are_too_complex():
    assert found_in(mixed(*[TEXT] * 990, PART)) == "a.exe"
    with pytest.raises(TooComplex, match="more than 1000 parts"):
        found_in(mixed(*[TEXT] * 1001, PART))


def test_messages_encoded_in_messages_too_often_are_too_complex():
    message = SINGLE
    for _ in range(8):
        message = encoded(b"message/rfc822", b"base64", message)
    assert found_in(message) == "a.exe"
    with pytest.raises(TooComplex, match="nested more than 8 times"):
        found_in(encoded(b"message/rfc822", b"base64", message))


def test_lines_of_hyphens_are_no_parts():
    assert found_in(mixed(TEXT + b"-----\r\nsome text\r\n\r\n" * 5000, TEXT)) is None
