"""A forbidden name is found in what an opaque S/MIME signature holds, however that is encoded."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import header
from messages.attachments import TooComplex, forbidden_name
from messages.attachments.limits import MOST

MESSAGE = b'Content-Type: application/octet-stream; name="a.exe"\r\n\r\nMZ\r\n'
MIXED = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
    + MESSAGE
)
SIGNED = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")
SHA256 = bytes.fromhex("300d06096086480165030402010500")


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes(4)
    return bytes([tag, 0x84]) + length + content


def endless(tag: int, *contents: bytes) -> bytes:
    """Encode what says its length by its end (X.690 §8.1.3.6)."""
    return bytes([tag, 0x80]) + b"".join(contents) + b"\0\0"


def cut(content: bytes, size: int) -> list[bytes]:
    return [der(0x04, content[at : at + size]) for at in range(0, len(content), size)]


def cms(content: bytes, algorithms: bytes = SHA256) -> bytes:
    """Encode signed data around an encoded content; a certificate, and no signature."""
    inner = der(0x30, DATA, der(0xA0, content))
    rest = der(0xA0, der(0x30, b"certificate")) + der(0x31, der(0x30, DATA, der(0x30, b"x")))
    return der(0x30, SIGNED, der(0xA0, der(0x30, b"\2\1\1", der(0x31, algorithms), inner, rest)))


def signed(octets: bytes, kind: bytes = b"application/pkcs7-mime; smime-type=signed-data") -> bytes:
    return (
        b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(octets).replace(b"\n", b"\r\n")
    )  # fmt: skip


def found_in(content: bytes) -> str | None:
    return forbidden_name(*header.split(content))


ENCODINGS = {
    "whole": cms(der(0x04, MESSAGE)),
    "a multipart": cms(der(0x04, MIXED)),
    "in pieces": cms(der(0x24, *cut(MESSAGE, 7))),
    "in pieces without end": cms(endless(0x24, *cut(MESSAGE, 7))),
    "in pieces of pieces": cms(
        endless(0x24, endless(0x24, *cut(MESSAGE[:40], 5)), endless(0x24, *cut(MESSAGE[40:], 5)))
    ),
    "behind a decoy": cms(der(0x04, MESSAGE), SHA256 + der(0x30, DATA, der(0x30, b"x"))),
    "signed twice": cms(der(0x04, signed(cms(der(0x04, MIXED))))),
}
KINDS = {
    "by its old type": b"application/x-pkcs7-mime; name=smime.p7m",
    "by its name": b"application/octet-stream; name=SMIME.P7M",
}


@pytest.mark.parametrize("octets", ENCODINGS.values(), ids=ENCODINGS)
def test_it_is_found_in_every_encoding(octets):
    assert found_in(signed(octets)) == "a.exe"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_is_found_under_every_type(kind):
    assert found_in(signed(ENCODINGS["whole"], kind)) == "a.exe"


def test_it_is_found_in_a_part():
    part = signed(ENCODINGS["in pieces"])

    assert found_in(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part) == "a.exe"


@pytest.mark.parametrize(
    "octets", [b"", DATA, DATA + b"\x04", DATA + b"\x24\x84\xff", b"\xff" * 99]
)
def test_what_is_no_signature_passes(octets):
    assert found_in(signed(octets)) is None


def test_a_signed_letter_without_a_program_passes():
    letter = MIXED.replace(b"a.exe", b"a.pdf")

    assert found_in(signed(cms(der(0x04, letter)))) is None


def test_one_content_cannot_be_looked_through_again_and_again():
    with pytest.raises(TooComplex, match="octets to decode"):
        found_in(signed((DATA + b"\x04\x80") * 100_000))


def test_more_pieces_than_any_program_makes_are_too_complex():
    pieces = cut(b"x" * (MOST["pieces of signed messages"] + 1), 1)

    with pytest.raises(TooComplex, match="more than 100000 pieces of signed messages"):
        found_in(signed(cms(der(0x24, *pieces))))


SHREDS = st.lists(
    st.binary(max_size=20)
    | st.sampled_from([DATA, b"\x04", b"\x24\x80", b"\xa0\x80", b"\x84\0\0", b"\0\0", MESSAGE])
).map(b"".join)


@given(SHREDS)
def test_nothing_comes_out_of_shreds_but_a_name(octets):
    found = found_in(signed(DATA + octets))

    assert found is None or found.endswith("a.exe")
