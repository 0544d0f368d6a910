"""The copies that leave: what stays byte for byte, and where each link of them leads."""

import base64
import quopri
import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import tracking
from events.tracking import Purpose, Token
from messages.seven_bit.lines import is_seven_bit
from messages.tracked.copies import Original

HEAD = b"From: alice@alices.example\r\nSubject: Hello\r\n"
PAGE = '<html><body><p>Hello</p>\r\n<a href="https://shop.example/?a=1&amp;b=2">x</a></body></html>'
SHOP = "https://shop.example/?a=1&b=2"
OURS = re.compile(r"http://127\.0\.0\.1:8000/t/c/([\w-]+)")
PIXEL = re.compile(
    r'<img src="http://127\.0\.0\.1:8000/t/o/([\w-]+)\.gif" width="1" height="1" alt="" '
    r'style="border:0">'
)
ENCODERS = {
    "7bit": lambda octets: octets,
    "base64": lambda octets: base64.encodebytes(octets).replace(b"\n", b"\r\n"),
    "quoted-printable": quopri.encodestring,
}


def copy_of(content, recipient_id=7, *, opens=True, clicks=True, unsubscribe=False):
    original = Original(content, opens=opens, clicks=clicks, unsubscribe=unsubscribe)
    return original.copy(recipient_id)


def html(text, encoding="7bit", charset="utf-8", more=b"", codec=None):
    """Return a part of HTML, header and body."""
    head = f"Content-Type: text/html; charset={charset}\r\n".encode()
    head += f"Content-Transfer-Encoding: {encoding}\r\n".encode()
    return head + more + b"\r\n" + ENCODERS[encoding](text.encode(codec or charset))


def multipart(kind, *parts):
    """Return a multipart, header and body."""
    head = f'Content-Type: multipart/{kind}; boundary="b-{kind}"\r\n\r\n'.encode()
    mark = f"--b-{kind}".encode()
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def texts(content):
    """Return the HTML texts of a message, decoded by Python's own reader."""
    message = message_from_bytes(content, policy=policy.default)
    return [
        part.get_payload(decode=True).decode(part.get_content_charset())
        for part in message.walk()
        if part.get_content_type() == "text/html"
    ]


def undone(text):
    """Return a text as it was before, by what our links know."""
    text = PIXEL.sub("", text)
    return OURS.sub(
        lambda link: tracking.read(Purpose.CLICK, link[1]).url.replace("&", "&amp;"), text
    )


class TestHtml:
    @pytest.mark.parametrize("encoding", ENCODERS)
    @pytest.mark.parametrize("charset", ["utf-8", "us-ascii", "iso-8859-1", "shift_jis"])
    def test_links_and_a_pixel_stand_in_it_and_all_else_stays(self, encoding, charset):
        copy = copy_of(HEAD + html(PAGE, encoding, charset))

        (text,) = texts(copy)
        assert undone(text) == PAGE
        assert tracking.read(Purpose.CLICK, OURS.search(text)[1]) == Token(7, SHOP)
        assert tracking.read(Purpose.OPEN, PIXEL.search(text)[1]) == Token(7)
        assert text.index("/t/o/") < text.index("</body>")
        assert is_seven_bit(copy)

    @pytest.mark.parametrize(
        ("charset", "text"),
        [
            ("utf-8", "<p>Größe – 日本</p>"), ("windows-1252", "<p>Größe – €</p>"),
            ("iso-2022-jp", "<p>日本語の文字</p>"), ("utf-16-le", "<p>日本</p>"),
            ("gb18030", "<p>日本 𠮷</p>"), ("big5", "<p>日本</p>"),
        ],
    )  # fmt: skip
    def test_other_letters_stay_what_they_are(self, charset, text):
        copy = copy_of(HEAD + html(text + PAGE, "base64", charset))

        (copied,) = texts(copy)
        assert undone(copied) == text + PAGE
        assert OURS.search(copied)

    def test_octets_that_are_no_text_of_its_charset_stay(self):
        body = quopri.encodestring(b'<p>\xff\xfe</p><a href="https://a.example">')
        content = HEAD + html("", "quoted-printable") + body

        copied = message_from_bytes(copy_of(content)).get_payload(decode=True)

        assert copied.startswith(b"<p>\xff\xfe</p>")
        assert b"/t/c/" in copied

    def test_line_ends_of_any_kind_stay(self):
        text = "<p>\n a\r b\r\n=\t \r\n</p>" + PAGE
        copy = copy_of(HEAD + html(text, "base64"))

        assert [undone(one) for one in texts(copy)] == [text]

    def test_a_line_that_grows_too_long_is_encoded(self):
        text = "<p>" + '<a href="https://shop.example/">x</a>' * 25
        copy = copy_of(HEAD + html(text))

        assert [undone(one) for one in texts(copy)] == [text]
        assert is_seven_bit(copy)

    def test_it_changes_nothing_where_there_is_nothing_to_change(self):
        content = HEAD + html("<p>Hello</p>")

        assert copy_of(content, opens=False) == content

    def test_one_of_both_is_enough(self):
        (opens,) = texts(copy_of(HEAD + html(PAGE), clicks=False))
        (clicks,) = texts(copy_of(HEAD + html(PAGE), opens=False))

        assert PIXEL.search(opens) and not OURS.search(opens)
        assert OURS.search(clicks) and not PIXEL.search(clicks)

    def test_a_link_that_is_tracked_already_stays(self):
        link = tracking.click_url(1, "https://a.example/")

        assert link in copy_of(HEAD + html(f'<a href="{link}">')).decode()

    def test_the_messages_own_way_to_unsubscribe_stays(self):
        head = HEAD + b"List-Unsubscribe: <mailto:x@y.example>, <https://shop.example/?a=1&b=2>\r\n"
        (text,) = texts(copy_of(head + html(PAGE)))

        assert not OURS.search(text)

    def test_each_recipient_has_links_of_his_own_and_the_same_each_time(self):
        original = Original(HEAD + html(PAGE), opens=True, clicks=True, unsubscribe=True)

        assert original.copy(1) == original.copy(1) != original.copy(2)


class TestParts:
    def test_only_html_that_is_shown_changes(self):
        plain = b"Content-Type: text/plain\r\n\r\nhttps://shop.example/ <a href='https://a.b/'>"
        calendar = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nURL:https://a.b/\r\n"
        attached = html(PAGE, more=b"Content-Disposition: attachment; filename=a.html\r\n")
        enclosed = b"Content-Type: message/rfc822\r\n\r\n" + HEAD + html(PAGE)
        image = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
        related = multipart("related", html(PAGE, "quoted-printable"), image)
        content = HEAD + multipart(
            "mixed", multipart("alternative", plain, related, calendar), attached, enclosed
        )

        copy = copy_of(content)

        for part in (plain, calendar, attached, enclosed, image):
            assert part in copy
        assert len(OURS.findall(copy.decode().replace("=\r\n", ""))) == 1
        assert [undone(text) for text in texts(copy)] == [PAGE] * 3

    def test_there_is_one_pixel(self):
        copy = copy_of(HEAD + multipart("mixed", html(PAGE), html(PAGE)))

        assert [bool(PIXEL.search(text)) for text in texts(copy)] == [True, False]

    @pytest.mark.parametrize(
        "body",
        [
            multipart("signed", html(PAGE), b"Content-Type: application/pgp-signature\r\n\r\nx"),
            multipart("encrypted", html(PAGE)),
            b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n" + PAGE.encode(),
            html("<pre>-----BEGIN PGP SIGNED MESSAGE-----</pre>" + PAGE),
            html(PAGE, charset="x-unknown", codec="ascii"),
            html(PAGE).replace(b"7bit", b"x-uuencode"), html(PAGE).replace(b"7bit", b"base64"),
            b"Content-Type: text/plain\r\n\r\n" + PAGE.encode(),
            b"Content-Type: multipart/mixed\r\n\r\n" + PAGE.encode(),
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: text/html\r\n--b--",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno field\r\n\r\n<a>\r\n--b--",
        ],
    )  # fmt: skip
    def test_what_is_signed_sealed_or_unreadable_stays(self, body):
        assert copy_of(HEAD + body) == HEAD + body

    def test_parts_without_end_are_not_followed(self):
        content = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        content += b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 2000

        assert copy_of(content) == content


LINES = st.lists(
    st.one_of(
        st.sampled_from(["<p>", "-->", "--b-mixed", "--b-mixed--", " ", "\t", "=", "=3D", ".", "ü",
                         '<a href="https://shop.example/?a=1&amp;b=2">', "x" * 80, ""]),
        st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=99),
    ),
    max_size=8,
)  # fmt: skip


@given(LINES, st.sampled_from(["base64", "quoted-printable"]), st.booleans())
def test_whatever_the_text_each_part_stays_where_and_what_it_is(lines, encoding, nested):
    text = "".join("".join(line) + "\r\n" for line in lines)
    encoded = html("", encoding)
    if encoding == "base64":
        encoded += ENCODERS["base64"](text.encode())
    else:
        escaped = "".join(f"={octet:02X}" for octet in text.replace("\r\n", "").encode())
        text = text.replace("\r\n", "")
        encoded += "=\r\n".join(re.findall(".{1,72}", escaped)).encode()
    tail = b"Content-Type: text/plain\r\n\r\nThe end"
    body = multipart("mixed", encoded, tail) if nested else encoded

    copy = copy_of(HEAD + body)

    assert is_seven_bit(copy)
    (copied,) = texts(copy)
    pixel = PIXEL.search(copied)
    assert pixel
    assert without_links(copied.replace(pixel[0], "")) == without_links(text)
    assert copy.endswith(tail + b"\r\n--b-mixed--\r\n") or not nested


def without_links(text):
    """Return a text with our links and theirs replaced by the same, and their number."""
    theirs, ours = "https://shop.example/?a=1&amp;b=2", OURS.findall(text)
    assert all(tracking.read(Purpose.CLICK, token).url == SHOP for token in ours)
    return OURS.sub("URL", text).replace(theirs, "URL")


class TestUnsubscribing:
    def test_the_header_offers_it_by_one_click(self):
        copy = copy_of(HEAD + html(PAGE), opens=False, clicks=False, unsubscribe=True)

        message = message_from_bytes(copy)
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = message["List-Unsubscribe"]
        token = link.removeprefix("<http://127.0.0.1:8000/t/u/").removesuffix(">")
        assert tracking.read(Purpose.UNSUBSCRIBE, token) == Token(7)
        assert copy.endswith(b"\r\n\r\n" + PAGE.encode())

    def test_a_way_of_the_messages_own_stays_the_only_one(self):
        content = HEAD + b"list-unsubscribe: <mailto:leave@alices.example>\r\n" + html(PAGE)

        assert copy_of(content, opens=False, clicks=False, unsubscribe=True) == content
