"""Whatever cannot be written is refused with the field that it is in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.addresses import Mailbox
from messages import composer, header
from messages.letters import markdown
from messages.letters.letter import Attachment, FieldError, Letter
from messages.tests.letters import ALICE, CAROL, compose

TYPE = "application/pdf"


def problems(**fields):
    with pytest.raises(FieldError) as caught:
        compose(**fields)
    return caught.value.problems


def pointers(**fields):
    return [problem.pointer for problem in problems(**fields)]


class TestLetter:
    @pytest.mark.parametrize("empty", [None, ""])
    def test_it_needs_a_body(self, empty):
        (problem,) = problems(plain=empty)

        assert (problem.pointer, problem.code) == ("/plain", "required")
        assert "body not found" in problem.text.lower()

    def test_it_needs_a_recipient(self):
        assert pointers(to=[]) == ["/to"]

    def test_it_tells_all_that_is_wrong_at_once(self):
        found = pointers(to=[], subject="a\nb", html="\0", headers=[("Received", "x")])

        assert found == ["/to", "/subject", "/html", "/headers/Received"]

    @pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0", "\x7f", "\ud800"])
    def test_nothing_hides_in_a_line(self, text):
        assert pointers(subject=text) == ["/subject"]
        assert pointers(headers=[("X-Foo", text)]) == ["/headers/X-Foo"]
        assert pointers(author=Mailbox(text, "a", "b.test")) == ["/from"]
        attachment = Attachment(text, b"", f"{TYPE}; x={text}", text)
        assert pointers(attachments=[attachment]) == [
            "/attachments/0/file_name",
            "/attachments/0/content_type",
            "/attachments/0/content_id",
        ]

    @pytest.mark.parametrize("name", ["plain", "html", "markdown"])
    @pytest.mark.parametrize("text", ["\ud800", "ü\udfff", "a\0"])
    def test_a_body_is_whole_characters(self, name, text):
        assert pointers(**{name: text}) == [f"/{name}"]

    def test_markdown_has_a_limit(self):
        assert pointers(markdown="a" * (markdown.MAX_LENGTH + 1)) == ["/markdown"]

    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_a_table_in_markdown_has_a_limit(self, line_end):
        def table(columns, rows):
            lines = ["a|" * columns, "-|" * columns, *["b|"] * rows]
            return line_end.join(lines)

        assert b"<td" in compose(markdown=table(50, 50))
        assert pointers(markdown=table(450, 450)) == ["/markdown"]

    def test_nothing_is_endless(self):
        assert pointers(subject="x" * 15_001) == ["/subject"]
        assert pointers(headers=[("X-Foo", "x" * 15_000)]) == ["/headers"]
        assert pointers(headers=[("", "")] * 501) == ["/headers"]
        assert pointers(attachments=[Attachment("a", b"", "x")] * 101) == ["/attachments"]
        assert pointers(author=Mailbox("x" * 1001, "a", "b.test")) == ["/from"]

    def test_what_is_as_long_as_it_may_be_fits_in_a_header(self):
        content = compose(subject="😃" * 15_000, headers=[("X", "😃" * 14_999)])

        assert header.split(content)[0][2].text == "😃" * 15_000

    @pytest.mark.parametrize("name", ["Zoë @home", "=?a@b", "a@b" * 100])
    def test_an_encoded_name_hides_no_address(self, name):
        assert pointers(author=Mailbox(name, "a", "b.test")) == ["/from"]


class TestHeaders:
    @pytest.mark.parametrize("name", ["", "X Foo", "X:Foo", "Ü", "a\r\nb", "x" * 77, "\ud800"])
    def test_a_name_is_visible_ascii(self, name):
        (problem,) = problems(headers=[(name, "1")])

        problem.pointer.encode()
        assert problem.text.isascii()

    def test_the_pointer_is_escaped(self):
        assert pointers(headers=[("X-a/b~c", "\n")]) == ["/headers/X-a~1b~0c"]

    @pytest.mark.parametrize("name", ["From", "to", "CC", "Bcc"])
    def test_addressees_have_their_own_fields(self, name):
        (problem,) = problems(headers=[(name, "a@b.test")])

        assert problem.code == "forbidden"
        assert f"field {name.lower()}" in problem.text

    @pytest.mark.parametrize(
        "name",
        [
            *("Content-Type", "content-transfer-encoding", "MIME-Version", "Received"),
            *("Return-Path", "DKIM-Signature", "Resent-Bcc"),
        ],
    )
    def test_structure_and_trace_are_not_given(self, name):
        assert problems(headers=[(name, "1")])[0].code == "forbidden"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Message-ID", "<a@b.test>"),
            ("Message-ID", ""),
            ("Date", "Tue, 24 Nov 2026 12:00:00 +0000"),
            ("In-Reply-To", "<a@b.test>"),
            ("References", "<a@b.test>\t<c@d.test>"),
            ("List-Unsubscribe", "<https://x.test/u?a=b>, <mailto:u@x.test>"),
            ("List-Id", "News <news.x.test>"),
            ("Sender", "a@b.test"),
            ("Auto-Submitted", "auto-generated"),
        ],
    )
    def test_fields_with_a_syntax_are_taken(self, name, value):
        content = compose(headers=[(name, value)])

        assert header.find(header.split(content)[0], name.lower().encode())[0].text == value

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Message-ID", "a@b.test"),
            ("Message-ID", "<a b@b.test>"),
            ("Message-ID", "<a@b.test> <c@d.test>"),
            ("Date", "tomorrow"),
            ("Date", ""),
            ("References", "<ü@b.test>"),
            ("References", "x" * 1000),
            ("List-Unsubscribe", "<https://x.test/ü>"),
            ("Sender", "a@b.test, c@d.test"),
            ("Reply-To", "nobody"),
            ("Reply-To", ""),
            ("Reply-To", '"Zoë @ home" <a@b.test>'),
        ],
    )
    def test_fields_with_another_syntax_are_not(self, name, value):
        assert pointers(headers=[(name, value)]) == [f"/headers/{name}"]

    def test_what_stands_once_is_given_once(self):
        assert problems(headers=[("Subject", "a"), ("subject", "b")])[0].code == "duplicate"
        twice = problems(reply_to=[CAROL], headers=[("Reply-To", "a@b.test")])
        assert [problem.code for problem in twice] == ["duplicate"]


class TestAttachments:
    @pytest.mark.parametrize(
        "content_type",
        [
            *("", "pdf", "a/b/c", "a/", "text/plain; charset", "a/b; c=d e", 'a/b; c="d', "ä/b"),
            *("a/b\r\nX: y", "a/b; name=" + "x" * 500, 'a/b; c="\\\n"'),
        ],
    )
    def test_a_type_is_a_type(self, content_type):
        attachment = Attachment("a", b"", content_type)

        assert pointers(attachments=[attachment]) == ["/attachments/0/content_type"]

    def test_a_multipart_is_no_file(self):
        (problem,) = problems(attachments=[Attachment("a", b"", "Multipart/Mixed")])

        assert problem.code == "forbidden"

    @pytest.mark.parametrize("content", ["ü".encode(), b"x" * 999, b"a\rb", b"\0"])
    def test_a_message_that_needs_encoding_is_refused(self, content):
        attachment = Attachment("a", content, "message/rfc822")

        assert pointers(attachments=[attachment]) == ["/attachments/0/content"]

    @pytest.mark.parametrize("content_id", ["a b", "<a", "a>", "ü", "<>", '"', "x" * 501])
    def test_a_content_id_is_one_word(self, content_id):
        attachment = Attachment("a", b"", TYPE, content_id)

        assert pointers(attachments=[attachment]) == ["/attachments/0/content_id"]

    def test_a_name_has_a_limit(self):
        assert compose(attachments=[Attachment("ü" * 255, b"", TYPE)]).isascii()
        assert pointers(attachments=[Attachment("x" * 256, b"", TYPE)]) == [
            "/attachments/0/file_name"
        ]


ANYTHING = st.text(max_size=40) | st.text(
    st.sampled_from('\r\n\0\t <>@=?";:,\\\ud800ü'), max_size=8
)


@settings(max_examples=300, deadline=None)
@given(st.tuples(*[ANYTHING] * 4), st.lists(st.tuples(ANYTHING, ANYTHING), max_size=3), ANYTHING)
def test_nothing_breaks_out_of_its_field(texts, headers, word):
    subject, plain, html, source = texts
    letter = Letter(
        author=ALICE,
        to=[Mailbox(word, "carol", "example.net")],
        subject=subject,
        plain=plain,
        html=html,
        markdown=source,
        headers=[*headers, ("X-Foo", word)],
        attachments=[Attachment(word, b"", "a/b; c=" + word, word)],
    )
    try:
        content = composer.compose(letter)
    except FieldError as error:
        assert all(problem.text.isascii() for problem in error.problems)
        return
    names = [field.name for field in header.split(content)[0]]
    expected = [name.lower().encode() for name, _ in letter.headers if name.lower() != "subject"]
    assert names == [
        *(b"from", b"to", b"subject"),
        *expected,
        *(b"mime-version", b"content-type"),
    ]
