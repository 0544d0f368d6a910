"""Reading a header: every byte is kept, nothing but HeaderError comes out, nothing takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.addresses import CHARSET
from messages import header
from messages.header import Field, HeaderError

LINES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"From: a@b", b" folded", b"\ttoo", b"", b"X :y", b":", b"a\rb", b"\n"]),
    )
).map(b"\r\n".join)


def joined(fields: list[Field]) -> bytes:
    return b"".join(field.raw for field in fields)


def text(value: str | bytes) -> str:
    value = value.encode() if isinstance(value, str) else value
    return Field(b"subject", b"Subject: " + value + b"\r\n").text


class TestSplit:
    @given(LINES)
    def test_every_byte_is_kept_or_it_is_no_header(self, content):
        try:
            fields, body = header.split(content)
        except HeaderError:
            return
        is_all_header = not body and content == joined(fields)
        assert is_all_header or content == joined(fields) + b"\r\n" + body

    @given(st.lists(st.tuples(st.from_regex(rb"[!-9;-~]{1,20}", fullmatch=True), LINES)))
    def test_fields_are_found_with_their_folds(self, written):
        raw = [
            name + b": " + value.replace(b"\r", b"").replace(b"\n", b"\r\n ") + b"\r\n"
            for name, value in written
        ]
        fields, body = header.split(b"".join(raw) + b"\r\nbody")

        assert [field.raw for field in fields] == raw
        assert [field.name for field in fields] == [name.lower() for name, _ in written]
        assert body == b"body"

    @pytest.mark.parametrize(
        ("content", "names", "body"),
        [
            (b"", [], b""),
            (b"\r\n", [], b""),
            (b"\r\nA: b\r\n\r\n", [], b"A: b\r\n\r\n"),
            (b"A: b\r\n", [b"a"], b""),
            (b"A: b\r\n\r\n", [b"a"], b""),
            (b"A: b\r\n\r\n\r\n", [b"a"], b"\r\n"),
            (b"A:\r\n \r\n\tb\r\nC \t: d\r\n\r\nx", [b"a", b"c"], b"x"),
        ],
    )
    def test_where_the_header_ends(self, content, names, body):
        fields, rest = header.split(content)

        assert ([field.name for field in fields], rest) == (names, body)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"A: b\r\nFrom the past\r\n\r\n", "Line 2 of the header is not a field"),
            (b" A: b\r\n\r\n", "Line 1 of the header is not a field"),
            (b"A: b\r\n: c\r\n\r\n", "Line 2 of the header is not a field"),
            (b"A: b\r\nC: \r d\r\n\r\n", "Line 2 of the header is not a field"),
            (b"A: b", "Line 1 of the header is not a field"),
            (b"A: b\r\n" * 1001, "The header has more than 1000 fields"),
            (b"A: b\r\n" * 50_000, "The header is longer than 262144 octets"),
            (b"A" * 300_000 + b"\r\n\r\n", "The header is longer than 262144 octets"),
        ],
    )
    def test_what_is_none_is_told(self, content, problem):
        with pytest.raises(HeaderError) as caught:
            header.split(content)

        assert str(caught.value) == problem


class TestText:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("plain", "plain"),
            ("  folded\r\n  here\r\n\tand there ", "folded  here\tand there"),
            ("Grüße", "Grüße"),
            (b"\xff\xfe", "\ufffd\ufffd"),
            (b"a\0b", "ab"),
            ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("=?UTF-8?B?R3LDvMOfZQ==?= =?iso-8859-1?Q?_aus_K=F6ln?=", "Grüße aus Köln"),
            ("=?utf-8?q?a?=\r\n\t =?utf-8?q?b?= c", "ab c"),
            ("=?utf-8*en?q?a?=", "a"),
            ("=?utf-8?q?a=00b?=", "ab"),
            ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
            ("=?nonsense?q?a?=", "=?nonsense?q?a?="),
            ("=?utf-7?q?+2AA-?=", "=?utf-7?q?+2AA-?="),
            ("=?utf-8?b?w7x?= =?utf-8?b?w7w?=", "üü"),
        ],
    )
    def test_it_is_what_people_read(self, value, shown):
        assert text(value) == shown

    @given(st.binary(max_size=200))
    def test_any_value_is_text_that_a_database_takes(self, value):
        assert "\0" not in text(value)
        text(value).encode()

    @given(
        st.one_of(st.text(max_size=20), st.from_regex(CHARSET, fullmatch=True)),
        st.sampled_from("bBqQ?"),
        st.one_of(st.text(max_size=40), st.from_regex(r"(?:=[0-9A-F]{2}){1,8}", fullmatch=True)),
    )
    def test_any_encoded_word_is_text_that_a_database_takes(self, charset, encoding, encoded):
        for value in (f"=?{charset}?{encoding}?{encoded}?=", f"=?{charset}*x?{encoding}?{encoded}"):
            shown = text(value.encode(errors="replace"))

            assert "\0" not in shown
            shown.encode()

    @pytest.mark.parametrize(
        "value",
        ["=?a?q?", "=?utf-8?q?a?= ", "=?", "?=", "=?utf-8?q?", " \r\n ", "=?a*", "?=    "],
    )
    def test_the_longest_one_takes_no_time(self, value):
        field = Field(b"subject", b"Subject: " + value.encode() * (250_000 // len(value)) + b"\r\n")
        started = time.process_time()

        assert isinstance(field.text, str)
        assert time.process_time() - started < 0.5
