"""A message that is written already keeps its bytes, if it is from and to whom the request says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.addresses import Mailbox
from messages import composer
from messages.letters.letter import FieldError
from messages.tests.letters import ALICE, CAROL

DAVE = Mailbox("Dave", "dave", "example.org")
RAW = "From: A <alice@Alices.Example>\nTo: carol@example.net\nSubject: Old\n too\nX: y\n\nHi\nü\n"


def from_raw(raw=RAW, author=ALICE, to=(CAROL,), **fields):
    return composer.from_raw(raw, author, to, **fields)


def problems(*arguments, **fields):
    with pytest.raises(FieldError) as caught:
        from_raw(*arguments, **fields)
    return caught.value.problems


def pointers(*arguments, **fields):
    return [problem.pointer for problem in problems(*arguments, **fields)]


def test_only_line_ends_change():
    assert from_raw() == RAW.replace("\n", "\r\n").encode()
    assert from_raw(RAW.replace("\n", "\r\n")) == from_raw()


def test_the_subject_of_the_request_takes_the_place_of_the_other():
    assert b"\r\nSubject: =?utf-8?b?TmV3ID0/?=\r\n" in from_raw(subject="New =?")
    assert from_raw(subject="New") == from_raw().replace(b"Old\r\n too", b"New")


def test_the_subject_is_added_where_there_is_none():
    raw = RAW.replace("Subject: Old\n too\n", "")

    assert b"X: y\r\nSubject: =?utf-8?b?w7w=?=\r\n\r\n" in from_raw(raw, subject="ü")


def test_blind_copies_leave_the_header():
    assert from_raw("Bcc: eve@example.net\n" + RAW) == from_raw()


def test_a_header_may_stand_without_a_body():
    content = from_raw("From: alice@alices.example\nTo: carol@example.net\n")

    assert content == b"From: alice@alices.example\r\nTo: carol@example.net\r\n\r\n"


def test_addresses_may_stand_in_another_order_and_in_groups():
    raw = RAW.replace("To: ", "To: us: Dave <dave@example.org>;, ")

    assert from_raw(raw, to=[CAROL, DAVE]).startswith(b"From: A")


def test_from_and_to_must_match():
    assert pointers(author=DAVE) == ["/from"]
    assert pointers(to=[DAVE]) == ["/to"]
    assert pointers(to=[CAROL, DAVE]) == ["/to"]
    assert pointers(author=Mailbox("", "Alice", "alices.example")) == ["/from"]


def test_cc_must_match_where_the_request_has_it():
    raw = "Cc: dave@example.org\n" + RAW

    assert from_raw(raw, cc=[DAVE]) == from_raw(raw)
    assert pointers(raw, cc=[CAROL]) == ["/cc"]
    assert pointers(cc=[DAVE]) == ["/raw"]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n" + RAW,
        "Hello",
        "To: carol@example.net\n\n",
        "From: alice@alices.example\n" + RAW,
        "To: carol@example.net\n" + RAW,
        RAW.replace("carol", "<"),
        RAW + "\rx",
        RAW + "\0",
        RAW + "\ud800",
    ],
)
def test_what_is_no_message_is_refused(raw):
    assert "/raw" in pointers(raw)


def test_the_subject_must_be_one_line():
    assert pointers(subject="a\nb") == ["/subject"]


@given(st.text(), st.text() | st.none())
def test_only_field_errors_come_out(raw, subject):
    try:
        from_raw(raw, subject=subject)
    except FieldError as error:
        assert all(problem.text.isascii() for problem in error.problems)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
def test_any_body_is_kept(text):
    head = "From: alice@alices.example\nTo: carol@example.net\n\n"
    content = from_raw(head + text)

    assert content.partition(b"\r\n\r\n")[2] == text.replace("\n", "\r\n").encode()
