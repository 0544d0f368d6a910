"""What a message asks for beside delivery: what is taken, and what is answered to the rest."""

import json

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.message_class import MessageClass
from messages import options
from messages.options import Options
from messages.refusals import Refused
from messages.tests.test_policy import fields, refusal

# PostgreSQL writes a large one with all its digits, and so returns an integer.
NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([float("inf"), float("nan")])


class TestClass:
    def test_it_is_open_where_nothing_is_said(self):
        assert options.read([]).message_class is None

    @pytest.mark.parametrize("values", [["PRIORITY"], ["priority", " Priority "]])
    def test_it_is_what_is_said(self, values):
        assert (
            options.read(fields("X-CloudMTA-Class", *values)).message_class is MessageClass.PRIORITY
        )

    @pytest.mark.parametrize("values", [[""], ["urgent"], ["priority", "digest"], ["\u2028" * 999]])
    def test_it_is_one_of_three(self, values):
        reply = str(refusal(options.read, fields("X-CloudMTA-Class", *values)))

        assert reply.startswith("554 5.6.0 x-cloudmta-class must be one of priority, standard, ")
        assert reply.isascii()
        assert len(reply) <= 510


class TestTags:
    @pytest.mark.parametrize(
        ("values", "tags"),
        [
            ([], []), ([""], []), ([" , ,"], []), (["b,a, b ,c"], ["b", "a", "c"]),
            (["a  \t b"], ["a b"]), (["a", "b,a"], ["a", "b"]), (["=?utf-8?q?=C3=BC?="], ["ü"]),
        ],
    )  # fmt: skip
    def test_each_once_in_their_order(self, values, tags):
        assert options.read(fields("X-CloudMTA-Tags", *values)).tags == tuple(tags)

    @given(st.lists(st.binary(max_size=80), max_size=5))
    def test_whatever_comes_they_keep_their_limits(self, values):
        try:
            tags = options.read(fields("X-CloudMTA-Tags", *values)).tags
        except Refused:
            return
        assert len(tags) <= 20
        assert all(0 < len(tag) <= 64 and tag == tag.strip() and "\0" not in tag for tag in tags)


class TestMetadata:
    @pytest.mark.parametrize(
        ("text", "value"),
        [('{"order": "4711"}', {"order": "4711"}), ("{}", {}), ('{"a": {"b": [1, null]}}',
         {"a": {"b": [1, None]}}), ('{"a": "\\ud83d\\ude00"}', {"a": "😀"})],
    )  # fmt: skip
    def test_it_is_a_json_object(self, text, value):
        assert options.read(fields("X-CloudMTA-Metadata", text)).metadata == value

    @pytest.mark.parametrize(
        "text",
        ["", "x", "[]", '"a"', "1", "{'a': 1}", '{"a": NaN}', '{"a": 1e999}', '{"a": "\\u0000"}',
         '{"a": "\\ud800"}', '{"a": "' + "x" * 4096 + '"}', '{"a":' * 5000],
    )  # fmt: skip
    def test_whatever_else_it_is_it_is_refused(self, text):
        assert str(refusal(options.read, fields("X-CloudMTA-Metadata", text)))[:9] == "554 5.6.0"

    @pytest.mark.django_db
    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=9,
    ))  # fmt: skip
    def test_what_is_taken_can_be_stored(self, value):
        try:
            taken = options.checked_metadata({"value": value})
        except Refused:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb::text", [json.dumps(taken)])
            (stored,) = cursor.fetchone()
        assert json.loads(stored) == taken


class TestTestMode:
    @pytest.mark.parametrize(
        ("word", "is_test"), [("true", True), ("TRUE", True), ("false", False)]
    )
    def test_it_is_true_or_false(self, word, is_test):
        assert options.read(fields("X-CloudMTA-Test", word)).is_test is is_test

    @pytest.mark.parametrize("words", [["yes"], [""], ["true", "false"]])
    def test_anything_else_is_refused(self, words):
        assert refusal(options.read, fields("X-CloudMTA-Test", *words)) is not None


class TestKey:
    def test_it_is_what_is_said(self):
        assert (
            options.read(fields("X-CloudMTA-Idempotency-Key", "a b/1")).idempotency_key == "a b/1"
        )

    @pytest.mark.parametrize("keys", [[""], ["x" * 257], ["a\x01b"], ["a", "a"]])
    def test_it_has_limits(self, keys):
        assert refusal(options.read, fields("X-CloudMTA-Idempotency-Key", *keys)) is not None


def test_what_is_said_beside_the_message_goes_before_what_stands_in_it():
    beside = Options(MessageClass.PRIORITY, ("a",), {"x": 1}, False, "k")
    within = Options(MessageClass.DIGEST, ("b", "a"), {"x": 2, "y": 2}, True, "other")

    assert beside.over(within) == Options(
        MessageClass.PRIORITY, ("a", "b"), {"x": 1, "y": 2}, True, "k"
    )
