"""One rule, one function: what each takes and what it answers to the rest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.allowance import Usage
from accounts.message_class import MessageClass
from accounts.volume import Standing
from messages import policy
from messages.header import Field
from messages.refusals import Refused
from messages.sender import Sender

ALICE = Sender(
    username="alice", secret_hashes=("",), credential_id=1, account_id=1,
    account_public_id="a" * 16,
    max_message_size=1000, domains=frozenset(["alices.example", "xn--bcher-kva.example"]),
)  # fmt: skip


def fields(name: str, *values: str | bytes) -> list[Field]:
    octets = [value.encode() if isinstance(value, str) else value for value in values]
    raw = name.encode()
    return [Field(raw.lower(), raw + b": " + value + b"\r\n") for value in octets]


def refusal(rule, *arguments) -> str | None:
    """Return the reply of a rule, None where it lets us pass."""
    try:
        rule(*arguments)
    except Refused as refused:
        assert str(refused) == str(refused.reply)
        return str(refused.reply)
    return None


@pytest.mark.parametrize(("size", "is_taken"), [(1000, True), (1001, False)])
def test_size(size, is_taken):
    too_big = "552 5.3.4 Message too big (limit 1000 bytes)"

    assert refusal(policy.limit_size, ALICE, size) == (None if is_taken else too_big)


@pytest.mark.parametrize(
    "address", ["a@alices.example", "a@ALICES.example", "a@bücher.example", '"a b"@alices.example']
)
def test_a_reverse_path_of_ours(address):
    assert refusal(policy.require_own_reverse_path, ALICE, address) is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "550 5.7.1"), ("a@bobs.example", "550 5.7.1"), ("a@sub.alices.example", "550 5.7.1"),
        ("a@alices.example.evil.test", "550 5.7.1"), ('"a@alices.example"@evil.test', "501 5.1.7"),
        ("a@[IPv6:::1]", "501 5.1.7"), ("a@com", "501 5.1.7"),
    ],
)  # fmt: skip
def test_a_reverse_path_of_others(address, code):
    assert str(refusal(policy.require_own_reverse_path, ALICE, address)).startswith(code)


@pytest.mark.parametrize(
    ("address", "domain"),
    [("x@Example.NET", "example.net"), ("ü@bücher.example", "xn--bcher-kva.example")],
)
def test_a_recipient_has_a_domain(address, domain):
    assert policy.recipient_domain(address) == domain


@pytest.mark.parametrize(
    "value",
    [
        "a@alices.example", "<a@alices.example>", "Alice <a@Alices.Example>",
        "a@alices.example (x)",
        '"A, B; C" <a@alices.example>', "J. Q. (:;) P. <a@alices.example>", "- <a@alices.example>",
        "=?utf-8?q?a?=\r\n\t=?utf-8?q?b?= <a@alices.example>", "O'Neil <a@alices.example>",
        '"Alice" <a@alices.example>', "ALICE_1 <a+b@alices.example>", "bücher <a@bücher.example>",
        "\r\n a@alices.example",
    ],
)  # fmt: skip
def test_an_author_of_ours(value):
    assert policy.author(ALICE, fields("From", value)).domain in ALICE.domains


@pytest.mark.parametrize(
    "value",
    [
        "", "Alice", "a@bobs.example", "a@alices.example, b@alices.example", "G: a@alices.example;",
        "G:;", ",a@alices.example", "a@alices.example,", "a@alices.example b@bobs.example",
        "b@bobs.example <a@alices.example>", "<a@alices.example> b@bobs.example",
        "a@alices.example@bobs.example", "a@\nalices.example", "a@alices.example\0.bobs.example",
        "<@bobs.example:a@alices.example>", b"a\xff@alices.example", "a@alices.example" * 5000,
    ],
)  # fmt: skip
def test_an_author_who_is_none_or_not_ours(value):
    assert str(refusal(policy.author, ALICE, fields("From", value)))[:9] in (
        "550 5.7.1",
        "554 5.6.0",
    )


@given(st.binary(max_size=60))
def test_an_author_is_ours_or_refused(value):
    try:
        assert policy.author(ALICE, fields("From", value)).domain in ALICE.domains
    except Refused as refused:
        assert str(refused).isascii()
        assert len(str(refused)) <= 510


@pytest.mark.parametrize("name", ["From", "sender", "REPLY-TO", "To", "Cc", "Subject", "Date"])
def test_a_field_that_may_stand_once(name):
    assert refusal(policy.refuse_duplicates, fields(name, "a", "b") + fields("X", "a", "b")) == (
        f"554 5.6.0 The header has more than one {name.title()} field"
    )


@pytest.mark.parametrize("name", ["Received", "X-Any", "Resent-From", "List-Unsubscribe"])
def test_a_field_that_may_stand_more_often(name):
    assert refusal(policy.refuse_duplicates, fields(name, "a", "b")) is None


def with_volume(*, is_test: bool = False, **volume: object) -> Sender:
    return replace(ALICE, volume=Usage(allowance=100, **volume), is_test=is_test)


@pytest.mark.parametrize(
    ("sender", "answer"),
    [
        (with_volume(used=100, held=200), None),
        (
            with_volume(used=100, held=201),
            "451 4.7.1 Daily volume limit 100 reached; resets 00:00 UTC",
        ),
        (with_volume(used=100, held=201, is_test=True), None),
    ],
)
def test_two_days_allowance_may_be_held(sender, answer):
    assert refusal(policy.limit_backlog, sender) == answer


@pytest.mark.parametrize(
    ("standing", "message_class", "is_taken"),
    [
        (Standing.NOTICE, MessageClass.DIGEST, True),
        (Standing.WARNING, MessageClass.DIGEST, False),
        (Standing.REVIEW, MessageClass.STANDARD, True),
        (Standing.PAUSED, MessageClass.STANDARD, False),
        (Standing.PAUSED, MessageClass.PRIORITY, True),
    ],
)
def test_mail_of_a_class_that_is_stopped_is_put_off(standing, message_class, is_taken):
    answer = refusal(policy.limit_class, with_volume(standing=standing), message_class)

    assert answer is None if is_taken else answer.startswith("451 4.7.1 Sending of ")
