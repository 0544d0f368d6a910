"""A stored message is taken apart for people, whatever it is made of."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import anatomy
from messages.anatomy import dissect
from messages.seven_bit.entity import MAX_PARTS

CORPORA = Path(os.environ.get("CORPORA_DIR", "../shared/corpora"))

LETTER = b"""\
From: shop@alices.example
Subject: Order
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/related; boundary=inner

--inner
Content-Type: multipart/alternative; boundary=both

--both
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--both
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

PHA+R3L832U8aW1nIHNyYz0iY2lkOmxvZ29AYSI+PGltZyBzcmM9ImNpZDpnb25lIj4=
--both--
--inner
Content-Type: image/png
Content-ID: <logo@a>
Content-Transfer-Encoding: base64

iVBORw==
--inner--
--outer
Content-Type: text/plain; name="terms.txt"
Content-Disposition: attachment; filename="=?utf-8?q?AGB_=C3=BC.txt?="

Terms
--outer
Content-Type: message/rfc822

Subject: Within

Hello
--outer--
""".replace(b"\n", b"\r\n")


def test_texts_and_files_are_told_apart():
    letter = dissect(LETTER)

    assert letter.plain == "Grüße"
    assert letter.html.startswith("<p>Grüße")
    assert [(one.number, one.media_type, one.name) for one in letter.attachments] == [
        (3, "image/png", ""),
        (4, "text/plain", "AGB ü.txt"),
        (5, "message/rfc822", ""),
    ]
    assert letter.attachments[1].octets == b"Terms"
    assert letter.attachments[2].octets.endswith(b"Hello")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (b"Content-Disposition: attachment; filename*=utf-8''AGB%20%C3%BC.txt", "AGB ü.txt"),
        (
            b"Content-Disposition: attachment; filename*0=long-; filename*1=name.txt",
            "long-name.txt",
        ),
        (b"Content-Type: image/png; name=a.png", "a.png"),
        (b'Content-Disposition: attachment; filename="a\x07b.txt"', "ab.txt"),
        (b"Content-Disposition: attachment", ""),
    ],
)
def test_names_are_read_as_mail_programs_do(fields, name):
    assert dissect(fields + b"\r\n\r\nx").parts[0].name == name


def test_pictures_of_its_own_stand_in_the_html_and_others_do_not():
    html = dissect(LETTER).html_with_pictures()

    assert 'src="data:image/png;base64,iVBORw=="' in html
    assert 'src="cid:gone"' in html


def test_a_picture_that_is_shown_again_and_again_is_put_in_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(anatomy, "MOST_PICTURES", 9)
    html = b"Content-Type: text/html\r\n\r\n" + b"<img src=cid:logo@a>" * 5
    picture = b"Content-Type: image/png\r\nContent-ID: <logo@a>\r\n\r\nfour"
    content = b"\r\n--b\r\n".join(
        [b"Content-Type: multipart/related; boundary=b\r\n", html, picture]
    )

    assert dissect(content).html_with_pictures().count("data:image/png") == 2


def test_what_is_no_picture_is_never_put_into_the_html():
    content = LETTER.replace(b"image/png", b"text/html;x")

    assert "data:" not in dissect(content).html_with_pictures()


@pytest.mark.parametrize(
    ("content", "plain", "count"),
    [
        (b"", "", 1),
        (b"no header at all", "no header at all", 1),
        (b"Subject: x\r\n\r\nText", "Text", 1),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts", "no parts", 1),
        (b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n", "--x\n\na\n", 1),
        (b"Content-Type: nonsense\r\n\r\nText", "Text", 1),
        (b"Content-Type: text/plain; charset=klingon\r\n\r\n\xfc", "ü", 1),
        (b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8", "Hello", 1),
    ],
)
def test_what_is_broken_is_shown_as_it_is(content, plain, count):
    letter = dissect(content)

    assert letter.plain == plain
    assert len(letter.parts) == count


def test_nesting_without_end_ends():
    content = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(500)
    )

    assert len(dissect(content).parts) == 1


def test_of_too_many_parts_the_last_are_left_out():
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 3000

    assert len(dissect(content).parts) == MAX_PARTS


@given(st.binary(max_size=500), st.sampled_from([b"", LETTER[:200], LETTER[:700]]))
def test_any_octets_are_taken_apart(octets, before):
    letter = dissect(before + octets)

    assert isinstance(letter.plain + letter.html_with_pictures(), str)
    assert all(part.name.isprintable() for part in letter.parts)


def test_broken_mail_of_the_world_is_taken_apart():
    if not (CORPORA / "mime.jsonl").exists():
        pytest.skip(f"no corpora in {CORPORA}")
    for line in (CORPORA / "mime.jsonl").read_text().splitlines():
        octets = (CORPORA / json.loads(line)["path"]).read_bytes()
        letter = dissect(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))

        assert letter.parts
        assert letter.html_with_pictures() is not None
        assert all(isinstance(one.octets, bytes) for one in letter.attachments)
