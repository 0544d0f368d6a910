"""A letter in fields becomes a content that reads as the fields were given."""

import email.message

import pytest

from domains.addresses import Mailbox, parse_mailboxes
from messages import header
from messages.letters.letter import Attachment, FieldError, read_author, read_mailboxes
from messages.tests.letters import ALICE, CAROL, compose, lines, octets, read, values

PIXEL = Attachment("pixel.png", b"\x89PNG\r\n\x1a\n", "image/png", "logo")
INVOICE = Attachment("invoice.pdf", b"%PDF-1.7", "application/pdf")


def shape(part: email.message.EmailMessage):
    """Return the types of a message as nested lists."""
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        return [part.get_content_subtype(), *map(shape, part.iter_parts())]
    return part.get_content_type()


class TestShape:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, "text/plain"),
            ({"plain": None, "html": "<p>"}, "text/html"),
            ({"plain": "", "html": "<p>"}, "text/html"),
            ({"html": ""}, "text/plain"),
            ({"html": "<p>"}, ["alternative", "text/plain", "text/html"]),
            ({"plain": None, "markdown": "# H"}, ["alternative", "text/plain", "text/html"]),
            ({"attachments": [INVOICE]}, ["mixed", "text/plain", "application/pdf"]),
            ({"attachments": [PIXEL]}, ["mixed", "text/plain", "image/png"]),
            (
                {"plain": None, "html": "<p>", "attachments": [PIXEL]},
                ["related", "text/html", "image/png"],
            ),
            (
                {"html": "<p>", "attachments": [PIXEL, INVOICE]},
                [
                    "mixed",
                    ["alternative", "text/plain", ["related", "text/html", "image/png"]],
                    "application/pdf",
                ],
            ),
        ],
    )
    def test_it_has_the_parts_that_its_fields_need(self, fields, expected):
        assert shape(read(compose(**fields))) == expected

    def test_a_plain_letter_is_what_one_would_write_by_hand(self):
        content = compose(subject="Hello", cc=[Mailbox("Dave, D.", "dave", "example.org")])

        assert content == (
            b"From: Alice <alice@alices.example>\r\n"
            b"To: carol@example.net\r\n"
            b'Cc: "Dave, D." <dave@example.org>\r\n'
            b"Subject: Hello\r\n"
            b"MIME-Version: 1.0\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n"
            b"\r\n"
            b"Hello\r\n"
        )

    def test_a_related_part_names_the_type_of_its_root(self):
        content = compose(plain=None, html="<img src='cid:logo'>", attachments=[PIXEL])

        assert read(content).get_param("type") == "text/html"

    def test_every_multipart_has_a_boundary_of_its_own(self):
        content = compose(html="<p>", attachments=[PIXEL, INVOICE])

        assert len({part.get_boundary() for part in read(content).walk()} - {None}) == 3


class TestBodies:
    def test_html_goes_before_markdown(self):
        message = read(compose(html="<b>HTML</b>", markdown="*Markdown*"))

        assert message.get_body(["html"]).get_content() == "<b>HTML</b>"

    def test_markdown_becomes_html_and_is_its_own_plain_text(self):
        message = read(compose(plain=None, markdown="# Hi\n\n[x](https://x.test) <b>y</b>"))

        html = lines(message.get_body(["html"]).get_content())
        assert '<h1>Hi</h1>\n<p><a href="https://x.test">x</a> <b>y</b></p>' in html
        assert html.startswith("<!DOCTYPE html>")
        plain = lines(message.get_body(["plain"]).get_content())
        assert plain.startswith("# Hi\n\n[x]")

    def test_markdown_has_tables(self):
        content = compose(plain=None, markdown="|a|b|\n|-|-|\n|1|2|\n")

        assert b"<td>1</td>" in content

    def test_plain_goes_before_the_source_of_markdown(self):
        message = read(compose(plain="Plain", markdown="# Hi"))

        assert message.get_body(["plain"]).get_content() == "Plain"

    @pytest.mark.parametrize(
        ("text", "encoding"),
        [
            ("Hello", "7bit"),
            ("x" * 998, "7bit"),
            ("x" * 999, "quoted-printable"),
            ("Grüße und viel mehr als das", "quoted-printable"),
            ("Привет", "base64"),
        ],
    )
    def test_it_takes_the_encoding_that_is_smallest(self, text, encoding):
        message = read(compose(plain=text))

        assert message["content-transfer-encoding"] == encoding
        assert lines(message.get_content()).removesuffix("\n") == text

    @pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb"])
    def test_any_line_end_becomes_that_of_mail(self, text):
        assert compose(plain=text).endswith(b"\r\n\r\na\r\nb\r\n")


class TestHeader:
    @pytest.mark.parametrize(
        "subject", ["=?utf-8?q?x?=", "a =?b", "Hi 😃", "", "  a   b ", "x" * 2000]
    )
    def test_the_subject_reads_as_it_was_given(self, subject):
        assert values(compose(subject=subject), b"subject") == [subject.strip()]

    def test_a_letter_without_subject_has_none(self):
        assert values(compose(), b"subject") == []

    def test_the_subject_of_the_headers_serves_where_there_is_no_other(self):
        headers = [("Subject", "Old")]

        assert values(compose(headers=headers), b"subject") == ["Old"]
        assert values(compose(headers=headers, subject="New"), b"subject") == ["New"]

    def test_other_headers_are_kept_in_their_order(self):
        content = compose(headers=[("X-A", "1"), ("X-B", "2"), ("X-A", "3"), ("X-Empty", "")])

        names = [field.raw.partition(b":")[0] for field in header.split(content)[0]]
        assert names[2:6] == [b"X-A", b"X-B", b"X-A", b"X-Empty"]
        assert values(content, b"x-a") == ["1", "3"]

    def test_what_is_for_us_passes_through(self):
        content = compose(headers=[("x-cloudmta-tags", "password-reset, account")])

        assert b"\r\nx-cloudmta-tags: password-reset, account\r\n" in content

    def test_a_header_may_be_encoded_already(self):
        content = compose(headers=[("X-Name", "=?utf-8?q?Zo=C3=AB?=")])

        assert values(content, b"x-name") == ["Zoë"]

    def test_addresses_in_headers_are_encoded_as_such(self):
        content = compose(headers=[("Reply-To", 'Zoë <zoe@bücher.example>, "B, B" <b@b.test>')])

        assert read(content)["reply-to"].addresses[0].display_name == "Zoë"
        assert b"<zoe@xn--bcher-kva.example>" in content
        assert b'"B, B"' in content

    def test_reply_to_is_a_field_too(self):
        content = compose(reply_to=[CAROL, ALICE])

        assert b"\r\nReply-To: carol@example.net, Alice <alice@alices.example>\r\n" in content

    def test_long_fields_are_folded(self):
        to = [Mailbox(f"Reader {n}", f"reader{n}", "example.net") for n in range(20)]
        content = compose(to=to, headers=[("References", " ".join(["<a@b.test>"] * 50))])

        assert max(map(len, content.split(b"\r\n"))) <= 78
        assert parse_mailboxes(header.find(header.split(content)[0], b"to")[0].value) == to

    def test_only_a_local_part_stays_beyond_ascii(self):
        content = compose(to=[Mailbox("Zoë", "zoë", "b.test")])

        assert "To: =?utf-8?b?Wm/Dqw==?= <zoë@b.test>\r\n".encode() in content

    def test_blind_copies_have_no_place(self):
        assert b"bcc" not in compose().lower()


class TestAttachments:
    @pytest.mark.parametrize("content_id", ["logo", "<logo>", " <logo> "])
    def test_a_content_id_is_found_by_its_cid(self, content_id):
        inline = Attachment("p.png", b"", "image/png", content_id)
        part = list(read(compose(html="<img src=cid:logo>", attachments=[inline])).walk())[-1]

        assert part["content-id"] == "<logo>"
        assert part.get_content_disposition() == "inline"

    def test_an_empty_content_id_is_none(self):
        attachment = Attachment("p.png", b"", "image/png", "")

        assert b"Content-Disposition: attachment;" in compose(attachments=[attachment])

    def test_parameters_of_the_type_stay(self):
        invitation = Attachment(
            "i.ics", b"BEGIN:VCALENDAR", "text/calendar; method=REQUEST; charset=UTF-8"
        )
        part = list(read(compose(attachments=[invitation])).iter_attachments())[0]

        assert part.get_param("method") == "REQUEST"
        assert part.get_content_charset() == "utf-8"

    def test_a_file_without_name_gets_none(self):
        content = compose(attachments=[Attachment("", b"x", "text/csv")])

        assert b"\r\nContent-Disposition: attachment\r\n" in content

    def test_a_name_in_ascii_is_written_plainly(self):
        assert b'attachment;\r\n filename="invoice.pdf"\r\n' in compose(attachments=[INVOICE])

    def test_an_attached_message_is_not_encoded(self):
        inner = Attachment("m.eml", b"Subject: Inner\n\nHi\n", "message/rfc822")
        part = list(read(compose(attachments=[inner])).iter_attachments())[0]

        assert part["content-transfer-encoding"] == "7bit"
        assert part.get_content()["subject"] == "Inner"

    def test_a_large_file_is_encoded_in_short_lines(self):
        content = compose(attachments=[Attachment("a.bin", bytes(3_000_000), "x/y")])

        assert max(map(len, content.split(b"\r\n"))) <= 76
        assert octets(list(read(content).iter_attachments())[0]) == bytes(3_000_000)


class TestAddresses:
    def test_it_takes_one_string_or_several(self):
        expected = [ALICE, CAROL]

        assert read_mailboxes("Alice <alice@alices.example>, carol@example.net", "/to") == expected
        assert read_mailboxes(["Alice <alice@alices.example>", "carol@example.net"], "/to") == (
            expected
        )

    def test_it_points_to_each_that_is_wrong(self):
        with pytest.raises(FieldError) as caught:
            read_mailboxes(["a@b.test", "nobody", "", "\ud800@b.test"], "/to")

        assert [one.pointer for one in caught.value.problems] == ["/to/1", "/to/2", "/to/3"]

    def test_it_does_not_read_thousands(self):
        with pytest.raises(FieldError):
            read_mailboxes(["a@b.test"] * 101, "/to")

    @pytest.mark.parametrize("value", ["", "a@b.test, c@d.test", "undisclosed:;", "x"])
    def test_a_letter_has_one_author(self, value):
        with pytest.raises(FieldError) as caught:
            read_author(value)

        assert caught.value.problems[0].pointer == "/from"
