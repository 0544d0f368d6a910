"""Nothing but TooComplex ever comes out, and a forbidden name is found in any valid encoding."""

import base64
import quopri
from urllib.parse import quote

from hypothesis import example, given, settings
from hypothesis import strategies as st

from messages import header
from messages.attachments import TooComplex, forbidden_name
from messages.attachments.encodings import decode_base64
from messages.header import Field
from messages.tests.test_attachments_contents import ZIP, attached, zipped
from messages.tests.test_attachments_names import found_by

SHRED = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b";", b"=", b'"', b"(", b")", b"\\"]
    ),
    st.sampled_from([b"--b", b"--b--", b"Content-Type: ", b"Content-Disposition: ", b"filename"]),
    st.sampled_from([b"multipart/mixed", b"message/rfc822", b"text/plain", b"name", b"*0", b"*1*"]),
    st.sampled_from(
        [b"=?utf-8?B?", b"=?utf-16?Q?", b"?=", b"YS5l", b"utf-8''", b"%41", b"%", b"'"]
    ),
    st.sampled_from([b"begin 644 a.txt\r\n", b"begin-base64 x\r\n", b"=ybegin line=1 name="]),
    st.sampled_from(
        [b"Content-Transfer-Encoding: ", b"base64\r\n\r\n", b"quoted-printable\r\n\r\n"]
    ),
    st.sampled_from([b"UEsDBBQAAAAIAA==", b"eJ8+IgEA", b"H4sICA", b"PK\x03\x04", b"PK\x01\x02"]),
    st.sampled_from([b"\x78\x9f\x3e\x22", b"\x1f\x8b\x08\x0c", b"PK\x05\x06", b".eml", b".zip"]),
    st.sampled_from([b"Content-Location: http://[", b"Content-Description: a"]),
)
SHREDS = st.lists(SHRED, max_size=40).map(b"".join)
LETTERS = st.text(
    st.characters(exclude_categories=("C", "M", "Z"), exclude_characters="=?%\"\\;:/*'()<>|,`"),
    min_size=1,
    max_size=40,
)
NAMES = st.builds(
    lambda stem, extension: f"{stem}.{extension}",
    LETTERS,
    st.sampled_from(["exe", "EXE", "vbs", "js", "ps1", "Lnk"]),
)
CHARSETS = st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-7", "utf-32"])


def survives(fields: list[Field], body: bytes) -> None:
    try:
        found = forbidden_name(fields, body)
    except TooComplex:
        return
    assert found is None or (found.isprintable() and 0 < len(found) <= 80)


class TestNothingComesOutButTooComplex:
    @given(SHREDS, SHREDS)
    @settings(max_examples=300)
    @example(b"multipart/mixed", b"--b\r\nContent-Type: message/rfc822\r\n\r\n")
    def test_of_shreds_of_mime(self, value, body):
        survives([Field(b"content-type", b"Content-Type: multipart/x;" + value + b"\r\n")], body)

    @given(st.binary(max_size=2000))
    def test_of_random_bytes(self, content):
        survives([], content)
        survives([Field(b"content-type", b"Content-Type: message/x\r\n")], content)

    @given(SHREDS, st.sampled_from([b"base64", b"quoted-printable"]))
    def test_of_encoded_shreds(self, content, encoding):
        encode = base64.encodebytes if encoding == b"base64" else quopri.encodestring
        for kind in (
            *(b"message/rfc822", b"text/plain", b"application/zip", b"multipart/mixed"),
            *(b"application/pkcs7-mime", b"text/calendar"),
        ):
            fields = b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n" % (kind, encoding)
            survives([Field(b"content-type", fields)], encode(content).replace(b"\n", b"\r\n"))

    @given(st.data())
    def test_of_a_damaged_archive(self, data):
        archive = bytearray(zipped("b.txt", inner_zip=ZIP))
        for _ in range(data.draw(st.integers(1, 5))):
            archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
        survives(*header.split(attached(bytes(archive[: data.draw(st.integers(0, 500))]))))

    @given(st.binary(max_size=300))
    def test_of_base64_that_is_none(self, content):
        assert isinstance(decode_base64(content), bytes)
        assert decode_base64(base64.encodebytes(content)) == content


class TestAForbiddenNameIsFound:
    @given(NAMES, CHARSETS, st.sampled_from("bBqQ"))
    def test_in_an_encoded_word(self, name, charset, encoding):
        octets = name.encode(charset)
        if encoding in "bB":
            text = base64.b64encode(octets)
        else:
            text = b"".join(b"=%02X" % octet for octet in octets)
        word = b"=?%s?%s?%s?=" % (charset.encode(), encoding.encode(), text)
        assert found_by(b"Content-Disposition: attachment; filename=" + word)
        assert found_by(b'Content-Disposition: attachment; filename="%s"' % word)

    @given(NAMES, st.lists(st.integers(0, 60), max_size=5))
    def test_in_several_encoded_words(self, name, cuts):
        octets = name.encode()
        places = [0, *sorted(cuts), len(octets)]
        words = [
            b"=?utf-8?B?%s?=" % base64.b64encode(octets[start:end])
            for start, end in zip(places, places[1:], strict=False)
        ]
        assert found_by(b'Content-Type: application/x; name="' + b"\r\n ".join(words) + b'"')

    @given(NAMES, CHARSETS)
    def test_with_percent_signs(self, name, charset):
        text = quote(name.encode(charset)).encode()
        assert found_by(b"Content-Disposition: x; filename*=%s''%s" % (charset.encode(), text))

    @given(NAMES, st.lists(st.integers(0, 60), max_size=5), st.randoms())
    def test_in_pieces_of_any_order(self, name, cuts, random):
        octets = name.encode()
        places = [0, *sorted(cut for cut in cuts if cut < len(octets)), len(octets)]
        pieces = []
        for number, (start, end) in enumerate(zip(places, places[1:], strict=False)):
            piece = octets[start:end]
            if number == 0 or random.random() < 0.5:
                prefix = b"utf-8''" if number == 0 else b""
                pieces.append(b"filename*%d*=%s" % (number, prefix + quote(piece).encode()))
            else:
                pieces.append(b'filename*%d="%s"' % (number, piece))
        random.shuffle(pieces)
        assert found_by(b"Content-Disposition: attachment; " + b";\r\n ".join(pieces))

    @given(NAMES)
    def test_as_it_stands(self, name):
        assert found_by(b'Content-Disposition: attachment; filename="%s"' % name.encode())
        assert found_by(b"Content-Type: application/x; name=" + name.encode())

    @given(NAMES, st.integers(0, 3))
    def test_in_archives(self, name, depth):
        archive = zipped(name)
        for _ in range(depth):
            archive = zipped(inner_zip=archive)
        assert forbidden_name(*header.split(attached(archive)))
