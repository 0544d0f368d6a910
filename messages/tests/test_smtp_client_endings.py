"""How a conversation of the sending side ends: by 421, by garbage, by a lost connection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.client import Phase, Tls, Transaction, UpgradeToTls
from messages.smtp.replies import Reply
from messages.tests.client_driver import (
    EXTENSIONS,
    Talk,
    a_greeted_talk,
    a_pipelining_talk,
    a_transaction,
    ehlo_reply,
    up_to_the_dot,
    verdict,
)
from messages.tests.smtp_driver import cut

BYE = "421 4.3.2 Shutting down"
STEPS = ["250 Ok", "250 Ok", "354 Go on"]
NO_SMTP = "451 4.5.0 The server does not speak SMTP: "


def ended(talk: Talk) -> list[str]:
    """Return what the end of the connection leaves, as a job's owner has to judge it."""
    return [
        verdict(one) if one.verdict else "may have arrived" if one.content_sent else "open"
        for one in talk.session.abandon()
    ]


class TestWithdrawal:
    @pytest.mark.parametrize("refusal", [None, "550 5.1.1 No such user"])
    def test_what_waits_behind_a_dot_goes_elsewhere_and_is_never_sent_here(self, refusal):
        talk, first, second = a_pipelining_talk(), a_transaction(), a_transaction()
        talk.begins(first)
        talk.hears("250 Ok", refusal or "250 Ok", "354 Go on")  # a lone dot, where refused
        talk.begins(second)
        assert talk.session.is_chained

        assert talk.session.withdraw_chained() == [second]
        assert talk.session.withdraw_chained() == []  # it went already
        said = talk.hears("250 Taken", "250 Ok", "250 Ok", "354 Go on")

        assert said == [] and not second.content_sent
        assert talk.settled == [first] and verdict(first) == (refusal or "250 Taken")
        assert talk.unusable == ["451 4.3.0 The message went another way"]
        assert talk.session.abandon() == []


class TestDismissal:
    @pytest.mark.parametrize("step", range(4))
    @pytest.mark.parametrize("extensions", [EXTENSIONS, ("SIZE",)])
    def test_421_is_the_verdict_at_every_step_of_the_first_message(self, extensions, step):
        talk, message = a_greeted_talk(*extensions), a_transaction()
        talk.begins(message)
        for reply in STEPS[:step]:
            talk.hears(reply)

        assert talk.hears(BYE) == []

        assert talk.unusable == [BYE] and talk.settled == []
        assert not talk.session.can_begin
        assert message.dialogue[-1] == f"S: {BYE}"
        assert ended(talk) == [BYE]

    def test_between_two_messages_it_is_no_verdict(self):
        talk, first, second = a_pipelining_talk(), a_transaction(), a_transaction()
        up_to_the_dot(talk, first)
        talk.begins(second)

        talk.hears("250 Taken", BYE)

        assert talk.settled == [first] and talk.unusable == [BYE]
        assert talk.session.abandon() == [second] and second.verdict is None

    @pytest.mark.parametrize("extensions", [EXTENSIONS, ("SIZE",)])
    def test_nor_where_rset_comes_between_them(self, extensions):
        talk, second = a_greeted_talk(*extensions), a_transaction()
        talk.begins(a_transaction())
        talk.hears(*["550 5.1.1 No"] * (3 if extensions == EXTENSIONS else 1))
        talk.begins(second)
        talk.hears(BYE)

        assert talk.session.abandon() == [second] and second.verdict is None

    def test_it_is_the_verdict_once_the_server_has_taken_the_next_one_up(self):
        talk, second = a_pipelining_talk(), a_transaction()
        up_to_the_dot(talk, a_transaction())
        talk.begins(second)
        talk.hears("250 Taken", "250 Ok", BYE)

        assert talk.session.abandon() == [second] and verdict(second) == BYE

    def test_at_the_dot_it_leaves_the_one_behind_open(self):
        talk, first, second = a_pipelining_talk(), a_transaction(), a_transaction()
        up_to_the_dot(talk, first)
        talk.begins(second)
        talk.hears(BYE)

        assert talk.session.abandon() == [first, second]
        assert verdict(first) == BYE and second.verdict is None

    def test_it_comes_unasked(self):
        talk = a_pipelining_talk()
        talk.hears(BYE)

        assert talk.unusable == [BYE] and not talk.session.can_begin

    def test_an_answer_to_nothing_ends_it_too(self):
        talk = a_pipelining_talk()
        talk.hears("250 Ok")

        assert talk.unusable == ["451 4.5.0 The server answered out of place: 250 Ok"]

    def test_a_refusal_that_came_first_remains_the_verdict(self):
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)
        talk.hears("250 Ok", "550 5.1.1 Nobody", BYE)

        assert ended(talk) == ["550 5.1.1 Nobody"]

    def test_nothing_is_believed_after_it(self):
        talk, message = a_pipelining_talk(), a_transaction()
        up_to_the_dot(talk, message)

        talk.hears(BYE, "250 Taken")
        talk.hears("250 Taken")

        assert talk.settled == [] and talk.unusable == [BYE] and ended(talk) == [BYE]


class TestGarbage:
    @pytest.mark.parametrize("step", range(3))
    def test_it_is_a_temporary_failure_of_the_message(self, step):
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)
        talk.hears(*STEPS[:step], "<html>")

        assert talk.unusable == [NO_SMTP + "Not a reply: b'<html>\\r'"]
        assert ended(talk) == talk.unusable

    def test_behind_a_good_reply_it_is_noticed_at_once(self):
        talk, message = a_pipelining_talk(), a_transaction()
        up_to_the_dot(talk, message)

        talk.hears("250 Taken", "<html>")

        assert talk.settled == [message] and verdict(message) == "250 Taken"
        assert len(talk.unusable) == 1 and not talk.session.can_begin

    def test_in_place_of_the_reply_to_the_dot_it_decides_nothing(self):
        talk = a_pipelining_talk()
        up_to_the_dot(talk, a_transaction())
        talk.begins(a_transaction())
        talk.hears("<html>")

        assert ended(talk) == ["may have arrived", "open"]

    def test_it_may_come_before_anything_else(self):
        talk = Talk()
        talk.hears("HTTP/1.1 400 Bad Request")

        assert len(talk.unusable) == 1 and ended(talk) == []


class TestLostConnection:
    @pytest.mark.parametrize(
        ("replies", "left"),
        [
            ([], ["open"]),
            (["250 Ok"], ["open"]),
            (["250 Ok", "250 Ok"], ["open"]),
            (["550 No"], ["550 No"]),
            (["250 Ok", "550 No"], ["550 No"]),
            (["250 Ok", "550 No", "354 Go on"], ["550 No"]),
            (["250 Ok", "550 No", "354 Go on", "250 Ok"], []),
            (["250 Ok", "550 No", "503 No"], []),
            (STEPS, ["may have arrived"]),
            ([*STEPS, "250 Ok"], []),
        ],
    )
    def test_it_leaves_what_was_not_answered(self, replies, left):
        talk = a_pipelining_talk()
        talk.begins(a_transaction())
        talk.hears(*replies)

        assert ended(talk) == left
        assert talk.session.abandon() == []

    def test_the_oldest_comes_first(self):
        talk = a_pipelining_talk()
        up_to_the_dot(talk, a_transaction())
        talk.begins(a_transaction())

        assert ended(talk) == ["may have arrived", "open"]

    def test_whoever_waited_too_long_says_so(self):
        late = Reply(451, "4.4.2", "No answer in time to RCPT")
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)
        talk.hears("250 Ok")
        assert talk.session.phase is Phase.RCPT

        talk.session.fail(late)

        assert ended(talk) == [str(late)] and not talk.session.can_begin

    def test_who_waits_for_the_dot_in_vain_is_in_doubt_and_the_one_behind_is_not(self):
        talk = a_pipelining_talk()
        up_to_the_dot(talk, a_transaction())
        talk.begins(a_transaction())
        talk.session.fail(Reply(451, "4.4.2", "No answer in time"))

        assert ended(talk) == ["may have arrived", "open"]


# What a server may answer to one message, sane or not, and what it may say between two of them.
REPLIES = st.sampled_from(
    ["250 Ok", "251 Ok", "354 Go on", "450 a", "550 b", "503 c", BYE, "<html>", "250-more"]
)


@settings(deadline=None, max_examples=100)
@given(st.booleans(), st.lists(st.lists(REPLIES | st.just("begin"), max_size=6), max_size=12))
def test_each_transaction_ends_exactly_once_whatever_the_server_does(pipelines, turns):
    talk = a_pipelining_talk() if pipelines else a_greeted_talk("SIZE")
    begun: list[Transaction] = []
    for turn in turns:
        # A sane server stands behind every second turn, so that some go through.
        for what in [*turn, *STEPS, "250 Taken", "begin"]:
            if what != "begin":
                talk.hears(what)
            if talk.session.can_begin:
                begun.append(a_transaction())
                talk.begins(begun[-1])

    settled, left = talk.settled, talk.session.abandon()

    assert len(talk.unusable) <= 1
    assert sorted(map(id, settled + left)) == sorted(map(id, begun))
    assert all(one.verdict for one in settled)
    assert all(not one.content_sent for one in left[1:])
    assert not talk.session.abandon()


SCRIPTS = [
    [["220-mx", "220 mx"], ehlo_reply(*EXTENSIONS), STEPS, ["250 a", *STEPS], ["250 b", BYE, "x"]],
    [["220 mx"], ehlo_reply(*EXTENSIONS), ["450 a", "503 b", "354 c"], ["250 d", "250 e"]],
    [["220 mx"], ["500 no"], ["250 mx"], ["250 Ok"], ["550-a", "550 b"], ["250 c", "<html>"]],
    [["220 mx"], ehlo_reply("STARTTLS", "SIZE"), ["454 no"], ["250 Ok"], ["250 Ok"], ["354 Go on"]],
    [["220 mx"], ehlo_reply("STARTTLS"), ["220 Go on", "250-injected", "250 Ok"]],
    [["554-no", "554 no", "250 Ok"]],
    [["220 mx"], ["250 mx", "250 mx"]],
]


def play(script: list[list[str]], places: list[int]) -> list[object]:
    """Play the turns of a server to a session, each in pieces; return all that is seen of it."""
    talk, seen = Talk(Tls.OFFERED), []
    for turn in script:
        for piece in cut("".join(f"{line}\r\n" for line in turn).encode(), places):
            talk.events += talk.session.receive(piece)
        if talk.session.can_begin:
            seen.append(talk.session.begin(a_transaction()))
        seen.append(talk.session.take_output())
    kinds = [type(event) for event in talk.events if not isinstance(event, UpgradeToTls)]
    return [*seen, *kinds, *map(verdict, talk.settled), *ended(talk), *talk.unusable]


@settings(deadline=None)
@given(st.sampled_from(SCRIPTS), st.lists(st.integers(0, 200), max_size=5))
def test_pieces_make_no_difference(script, places):
    whole = play(script, [])

    assert play(script, places) == whole
    assert play(script, list(range(200))) == whole
