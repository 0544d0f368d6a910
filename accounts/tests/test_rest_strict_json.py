import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from accounts.rest.problems import MAX_LISTED, Problem
from accounts.rest.strict_json import MAX_DEPTH, MAX_VALUES, read

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)  # fmt: skip


class TestReading:
    @given(values, st.booleans())
    def test_it_reads_what_json_writes(self, value, ascii):
        assert read(json.dumps(value, ensure_ascii=ascii).encode()) == value

    @given(st.binary())
    def test_anything_else_is_a_parse_error(self, octets):
        with suppress(ParseError, Problem):
            read(octets)

    @given(st.text('[]{}":,\\ud80 1eNa', max_size=60))
    def test_so_is_what_looks_like_json(self, text):
        try:
            expected = json.loads(text)
        except ValueError:
            with pytest.raises(ParseError):
                read(text.encode())
        else:
            with suppress(ParseError, Problem):  # we are the stricter ones
                assert read(text.encode()) == expected

    @pytest.mark.parametrize(
        "octets",
        [
            b"", b"{", b"{'a': 1}", b"[1,]", b"\xff", b"\xef\xbb\xbf{}", b'"\xed\xa0\x80"',
            b'"\0"', b"{} {}", b"\x00\x00", '{"a":1}'.encode("utf-16"),
            b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000,
            b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "\\u0061": 2}}]',
        ],
    )  # fmt: skip
    def test_this_is_not_taken(self, octets):
        with pytest.raises(ParseError):
            read(octets)

    def test_a_name_twice_is_found_among_all_names_at_once(self):
        names = ",".join(f'"{n}":0' for n in range(300_000))

        with pytest.raises(ParseError, match='the name "299999" comes twice'):
            read(f'{{{names},"299999":0}}'.encode())

    def test_a_number_too_long_is_told_in_our_words(self):
        with pytest.raises(ParseError, match=r": a number has more than 1000 digits$"):
            read(b"[" + b"9" * 5000 + b"]")

    def test_it_nests_so_deep_and_no_deeper(self):
        assert read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
        with pytest.raises(ParseError):
            read(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))

    def test_many_on_one_level_are_no_depth(self):
        assert len(read(b"[" + b"[],{}," * 10_000 + b"[]]")) == 20_001

    @pytest.mark.parametrize("value", [b"0", b"{}", b'"a,b"', b'{"a":0}'])
    def test_it_holds_so_many_values_and_no_more(self, value):
        assert len(read(b"[" + b",".join([value] * MAX_VALUES) + b"]")) == MAX_VALUES
        with pytest.raises(ParseError, match="more than 500000 values"):
            read(b"[" + b",".join([value] * (MAX_VALUES + 1)) + b"]")

    def test_commas_within_strings_are_no_values(self):
        assert read(b'["' + b"," * MAX_VALUES + b'"]') == ["," * MAX_VALUES]

    def test_brackets_within_strings_are_no_depth(self):
        text = '\\"[{\\\\' * 1000

        assert read(f'["{text}", []]'.encode())[1] == []

    @pytest.mark.parametrize("opener", [b"[", b'{"a":', b'"', b'"\\', b'[["\\\\'])
    def test_megabytes_of_openers_end_at_once(self, opener):
        with pytest.raises(ParseError):
            read(opener * 2_000_000)

    def test_what_we_cannot_keep_is_named_by_its_pointer(self):
        with pytest.raises(Problem) as caught:
            read(rb'{"a/b": [{"c~": "\u0000"}, "\ud800"], "\udc00": 1, "\ud83d\ude00": ""}')

        assert [one["pointer"] for one in caught.value.errors] == ["/a~1b/0/c~0", "/a~1b/1", ""]
        assert caught.value.status_code == 422

    def test_of_many_things_that_we_cannot_keep_some_are_named(self):
        with pytest.raises(Problem) as caught:
            read(b"[" + b'"\\u0000",' * 400_000 + b"0]")

        assert len(caught.value.errors) == MAX_LISTED
