"""The JSON of a message is read as its clients write it, and all that is wrong is told at once."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.message_class import MessageClass
from messages import rest_body
from messages.json_fields import MAX_PROBLEMS
from messages.letters.letter import FieldError
from messages.rest_body import FIELDS

LETTER = {"from": "Shop <shop@alices.example>", "to": "carol@example.net", "plain": "Hello"}
TEXT = st.sampled_from(
    [
        *("", "a@b.test", "A <a@b.test>, c@d.test", "digest", "YQ==", "x\r\ny", "ü", "\ud800"),
        *("2026-11-24T12:00:00Z", "9999-12-31T23:59:59-14:00", "From: a@b.test\n\n"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "content_type", "X-A", "a/~"]), inner)
    ),
    max_leaves=5,
)


def read(**fields):
    return rest_body.read(LETTER | fields)


def problems(**fields):
    with pytest.raises(FieldError) as caught:
        read(**fields).compose()
    return [(one.pointer, one.code) for one in caught.value.problems]


class TestAnything:
    @given(st.dictionaries(st.sampled_from([*FIELDS, "other"]), JSON) | JSON)
    def test_it_is_an_order_or_a_field_error(self, body):
        for whole in (body, LETTER | body if isinstance(body, dict) else body):
            try:
                content = rest_body.read(whole).compose()
            except FieldError as error:
                assert len(error.problems) > 0
                assert all(one.text.isascii() for one in error.problems)
            else:
                assert b"\n" not in content.replace(b"\r\n", b"")

    @pytest.mark.parametrize("body", [None, [], "x", 1])
    def test_a_message_is_an_object(self, body):
        with pytest.raises(FieldError):
            rest_body.read(body)

    def test_everything_wrong_is_told_at_once(self):
        found = problems(to=[1], subject=2, tags={}, test_mode="true", other=3)

        assert {pointer for pointer, _ in found} == {
            "/to/0", "/subject", "/tags", "/test_mode", "/other",
        }  # fmt: skip

    def test_a_million_mistakes_are_told_in_part(self):
        assert len(problems(**{f"x{number}": 1 for number in range(1000)})) <= MAX_PROBLEMS
        assert len(problems(headers={f"x{number}": 1 for number in range(5000)})) <= MAX_PROBLEMS

    def test_null_is_as_good_as_nothing(self):
        order = read(**dict.fromkeys(FIELDS - LETTER.keys()))

        assert (order.cc, order.bcc, order.send_at) == ([], [], None)


class TestFields:
    def test_who_sends_an_answer_again_may(self):
        order = read(id="f78b876d-dd97-4e10-9a61-067f98044cc7", tags=["go", "api"])

        assert order.options.tags == ("go", "api")

    def test_our_tag_comes_beyond_the_limit(self):
        tags = [f"tag{number}" for number in range(20)]

        assert read(tags=tags).options.tags == (*tags, "api")
        assert problems(tags=[*tags, "one more"]) == [("/tags", "invalid")]

    @pytest.mark.parametrize("name", ["priority", "priorty"])
    def test_both_spellings_of_priority_are_read(self, name):
        assert read(**{name: "Digest"}).options.message_class is MessageClass.DIGEST
        assert problems(**{name: "soon"}) == [(f"/{name}", "invalid")]

    def test_two_spellings_must_agree(self):
        assert problems(priority="digest", priorty="standard") == [("/priority", "mismatch")]

    def test_header_values_may_be_arrays(self):
        content = read(headers={"X-Agent": ["one", "two"], "X-Other": "three"}).compose()

        assert b"X-Agent: one\r\nX-Agent: two\r\nX-Other: three\r\n" in content

    def test_addresses_have_a_measure(self):
        assert problems(to=["carol@example.net"] * 5000) == [("/to", "invalid")]

    @pytest.mark.parametrize("tags", ["ab," * 5000, ["ab"] * 10_001])
    def test_tags_have_a_measure(self, tags):
        assert problems(tags=tags) == [("/tags", "invalid")]

    def test_bcc_is_in_no_header(self):
        order = read(bcc="frank@example.net")

        assert [one.address for one in order.bcc] == ["frank@example.net"]
        assert b"frank" not in order.compose()

    def test_raw_stands_alone(self):
        raw = "From: shop@alices.example\nTo: carol@example.net\n\nHello\n"

        assert problems(raw=raw, html="x") == [("/plain", "forbidden"), ("/html", "forbidden")]
        assert read(raw=raw, plain=None).compose().endswith(b"\r\n\r\nHello\r\n")


class TestAttachments:
    def attached(self, **fields):
        usual = {"file_name": "a.txt", "content": "aGVsbG8=", "content_type": "text/plain"}
        return {"attachments": [usual | fields]}

    def test_base64_may_come_in_lines(self):
        text = base64.encodebytes(b"hello" * 40).decode()

        assert text.count("\n") > 1
        read(**self.attached(content=text)).compose()

    @pytest.mark.parametrize("text", ["aGVsbG8", "aGVs bG8=", "aGVsbG8==", "%", "ü", "a-_="])
    def test_what_is_no_base64_is_refused(self, text):
        assert problems(**self.attached(content=text)) == [("/attachments/0/content", "invalid")]

    @pytest.mark.parametrize("name", ["content", "content_type"])
    def test_content_and_type_must_be_there(self, name):
        assert problems(**self.attached(**{name: None})) == [(f"/attachments/0/{name}", "required")]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("pixel.PNG", b"image/png"), ("a.b.csv", b"text/csv"),
         ("a", b"application/octet-stream"), (None, b"application/octet-stream"),
         ("a.eml", b"application/octet-stream"), ("data:a/b,.x", b"application/octet-stream")],
    )  # fmt: skip
    def test_an_empty_type_is_that_of_the_name(self, name, kind):
        content = read(**self.attached(content_type="", file_name=name)).compose()

        assert b"Content-Type: %b\r\n" % kind in content

    def test_a_file_may_be_empty_and_have_no_name(self):
        read(**self.attached(content="", file_name=None)).compose()

    def test_a_field_that_is_none_is_named(self):
        assert problems(**self.attached(name="x")) == [("/attachments/0/name", "unknown")]

    def test_there_are_a_hundred_at_most(self):
        assert problems(attachments=[{}] * 101) == [("/attachments", "invalid")]


class TestSendAt:
    def test_it_is_a_moment_with_an_offset(self):
        when = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        somewhere = when.replace(tzinfo=None) + timedelta(hours=5, minutes=30)

        assert read(send_at=when.isoformat()).send_at == when
        assert read(send_at=f"{somewhere.isoformat()}+05:30").send_at == when

    def test_what_was_due_a_moment_ago_leaves_at_once(self):
        just_now = datetime.now(UTC) - timedelta(minutes=1)

        assert read(send_at=just_now.isoformat()).send_at is None

    @pytest.mark.parametrize(
        "text",
        ["", "soon", "2026-11-24", "2026-11-24T12:00:00", "0001-01-01T00:00:00+14:00",
         "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"],
    )  # fmt: skip
    def test_anything_else_is_refused(self, text):
        assert problems(send_at=text) == [("/send_at", "invalid")]
