"""What a content is made of before it is signed: 7-bit, in short lines, and the same to readers."""

import email
import email.policy
import json
import os
import re
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import header
from messages.header import HeaderError
from messages.seven_bit import CannotEncode, to_seven_bit
from messages.smtp.data import clean, find_long_line
from messages.smtp.grammar import SyntaxProblem

CORPORA = Path(os.environ.get("CORPORA_DIR", Path(__file__).parents[3] / "shared" / "corpora"))
HEAD = b"From: a@b.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def encoded(content: bytes) -> bytes:
    fields, body = to_seven_bit(*header.split(content))
    return b"".join([*(field.raw for field in fields), b"\r\n", body])


def leaves(content: bytes) -> list[tuple[str, bytes]]:
    """Return type and decoded octets of each part, line ends made one."""
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    return [(part.get_content_type(), octets(part)) for part in message.walk()
            if not part.is_multipart()]  # fmt: skip


def octets(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.replace(b"\r\n", b"\n").rstrip(b"\n")


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"\r\nplain\r\n",
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        HEAD + b"Content-Transfer-Encoding: 8bit\r\n\r\nall ascii\r\n",
        HEAD + b"\r\n" + b"x" * 998 + b"\r\n",
    ],
)
def test_what_may_leave_is_not_touched(content):
    fields, body = header.split(content)

    new_fields, new_body = to_seven_bit(fields, body)

    assert new_fields is fields
    assert new_body is body


@pytest.mark.parametrize(
    ("fields", "body", "encoding"),
    [
        (b"", "Grüße, und einiges mehr dazu\r\n", "quoted-printable"),
        (b"", "Приветствую\r\n", "base64"),
        (b"", "x" * 999 + "\r\n", "quoted-printable"),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
         "Grüße in 8bit, und mehr davon\r\n", "quoted-printable"),
        (b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n",
         "Grüße\r\n", "base64"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", "a=20" * 500 + "\r\n",
         "quoted-printable"),
        (b"Content-Transfer-Encoding: base64\r\n", "QUJD" * 500 + "\r\n", "base64"),
    ],
)  # fmt: skip
def test_a_body_is_encoded_and_reads_as_before(fields, body, encoding):
    content = HEAD + fields + b"\r\n" + body.encode()

    result = encoded(content)

    assert result.isascii()
    assert find_long_line(result, 998) < 0
    assert leaves(result) == leaves(content)
    assert email.message_from_bytes(result)["Content-Transfer-Encoding"] == encoding
    assert encoded(result) == result


def test_text_without_a_charset_says_that_it_is_utf8():
    result = email.message_from_bytes(encoded(HEAD + "\r\nGrüße\r\n".encode()))

    assert result.get_content_charset() == "utf-8"


def test_a_message_without_mime_becomes_one():
    result = encoded(b"From: a@b.test\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n")

    assert b"MIME-Version: 1.0\r\n" in result


def test_only_the_part_that_needs_it_is_touched():
    plain = b"--b\r\nContent-Type: text/plain\r\n\r\nas it is \t\r\n"
    content = (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"\r\npreamble\r\n" + plain + b"--b\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--b--\r\nepilogue\r\n"
    )

    result = encoded(content)

    assert plain in result
    assert b"\r\npreamble\r\n--b" in result
    assert result.endswith(b"--b--\r\nepilogue\r\n")
    assert b"Content-Transfer-Encoding: 7bit\r\n" in result
    assert leaves(result) == leaves(content)


def test_a_message_within_is_not_encoded_itself_but_its_text_is():
    inner = b"From: c@d.test\r\nSubject: inner\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    content = (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"--b--\r\n"
    )

    result = encoded(content)

    assert result.isascii()
    assert leaves(result) == leaves(content)


@pytest.mark.parametrize("kind", [b"multipart/signed", b"multipart/encrypted"])
def test_what_is_sealed_stays_as_it_is(kind):
    body = b"--b\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--b\r\n\r\nsignature\r\n--b--\r\n"

    result = encoded(HEAD + b"Content-Type: " + kind + b"; boundary=b\r\n\r\n" + body)

    assert result.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Subject: Grüße aus dem Süden", "Grüße aus dem Süden"),
        ("Subject: " + "Grüße " * 60, ("Grüße " * 60).strip()),
        ("X-Note: " + "x" * 1500, "x" * 1500),
    ],
)
def test_text_in_the_header_becomes_encoded_words(raw, shown):
    result = encoded(f"From: a@b.test\r\n{raw}\r\n\r\nx\r\n".encode())
    name = raw.partition(":")[0]

    message = email.message_from_bytes(result, policy=email.policy.default)

    assert result.isascii()
    assert all(len(line) <= 78 for line in result.split(b"\r\n"))
    assert str(message[name]).strip() == shown


def test_a_name_beside_an_address_is_encoded_and_the_address_is_not():
    result = encoded('From: "Ärger, Jürgen" <j@b.test>\r\n\r\nx\r\n'.encode())

    sender = email.message_from_bytes(result, policy=email.policy.default)["From"].addresses[0]

    assert (sender.display_name, sender.addr_spec) == ("Ärger, Jürgen", "j@b.test")


def test_a_file_name_is_encoded():
    content = 'Content-Disposition: attachment; filename="Straße.pdf"\r\n\r\nx\r\n'.encode()

    result = encoded(HEAD + content)

    assert email.message_from_bytes(result).get_filename() is not None
    assert result.isascii()
    assert b"filename*=utf-8''Stra%C3%9Fe.pdf" in result


def test_a_line_that_cannot_be_encoded_is_refused():
    with pytest.raises(CannotEncode, match="998"):
        encoded(b"From: a@b.test\r\nMessage-ID: <" + b"x" * 1000 + b"@b.test>\r\n\r\nx\r\n")


WORDS = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=40)
TEXTS = st.lists(WORDS | st.just("x" * 1200) | st.just("--b"), max_size=5).map("\r\n".join)
ENCODINGS = st.sampled_from([b"", b"Content-Transfer-Encoding: 8bit\r\n",
                             b"Content-Transfer-Encoding: binary\r\n"])  # fmt: skip
KINDS = st.sampled_from([b"", b"Content-Type: text/plain; charset=utf-8\r\n",
                         b"Content-Type: application/pdf\r\n"])  # fmt: skip


@st.composite
def entities(draw, depth=0) -> bytes:
    if depth < 3 and draw(st.booleans()):
        mark = b"=_%d" % depth
        parts = draw(st.lists(entities(depth + 1), min_size=1, max_size=3))
        body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
        kind = b'Content-Type: multipart/mixed; boundary="' + mark + b'"\r\n'
        return kind + b"\r\n" + body + b"--" + mark + b"--\r\n"
    return draw(KINDS) + draw(ENCODINGS) + b"\r\n" + draw(TEXTS).encode() + b"\r\n"


@settings(max_examples=200, deadline=None)
@given(entities(), WORDS)
def test_any_message_may_leave_and_reads_as_before(entity, subject):
    content = b"From: a@b.test\r\nSubject: s" + subject.encode() + b"\r\nMIME-Version: 1.0\r\n"
    content += entity

    result = encoded(content)

    assert result.isascii()
    assert find_long_line(result, 998) < 0
    assert leaves(result) == leaves(content)
    assert encoded(result) == result


@given(st.binary(max_size=600))
def test_whatever_comes_there_is_one_exception_at_most(junk):
    try:
        content = clean(HEAD + junk, None)
        encoded(content)
    except (CannotEncode, HeaderError, SyntaxProblem):
        pass


def test_real_mail_reads_as_before():
    if not CORPORA.is_dir():
        pytest.skip(f"no corpora in {CORPORA}: set CORPORA_DIR")
    changed = 0
    for name in ("mime.jsonl", "negatives.jsonl"):
        for line in (CORPORA / name).read_text().splitlines():
            content = re.sub(rb"\r*\n", b"\r\n", (CORPORA / json.loads(line)["path"]).read_bytes())
            try:
                result = encoded(content.replace(b"\0", b""))
            except (CannotEncode, HeaderError):
                continue
            changed += result != content
            assert encoded(result) == result, line
    assert changed > 20


def test_a_quote_without_an_end_is_looked_at_once():
    field = b'To: \xc3\xa9 "' + b"\r\n ".join([b'\\"' * 450] * 200) + b"\r\n"
    content = HEAD + field + b"\r\nx\r\n"

    assert encoded(content) == content
