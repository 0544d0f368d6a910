"""The sending side of SMTP, with a server that says what each test needs."""

import pytest

from messages.smtp.client import Phase, Ready, Tls, UpgradeToTls
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

MAIL = "MAIL FROM:<bounces@mta.example.com> SIZE=22"
RCPT = "RCPT TO:<carol@example.net>"
WIRE = ["Subject: Hi", "", "Hello", "."]
OUT_OF_PLACE = "451 4.5.0 The server answered out of place: "


class TestGreeting:
    def test_it_waits_for_the_greeting_and_says_ehlo(self):
        talk = Talk()

        assert talk.said() == []
        assert talk.hears("220-mx.example.net ESMTP", "220-We do not", "220 like spam") == [
            "EHLO mta.example.com"
        ]
        assert talk.hears("250 mx.example.net") == []
        assert talk.events == [Ready()] and talk.session.can_begin

    @pytest.mark.parametrize("reply", ["450 Later", "554 5.7.1 Not from you", "421 Busy"])
    def test_a_server_that_greets_with_a_refusal_is_of_no_use(self, reply):
        talk = Talk()

        assert talk.hears(reply) == []
        assert talk.unusable == [reply] and not talk.session.can_begin

    @pytest.mark.parametrize("reply", ["354 Go on", "503 Who?"])
    def test_a_greeting_that_is_none_says_nothing_final(self, reply):
        talk = Talk()
        talk.hears(reply)

        assert talk.unusable == [OUT_OF_PLACE + reply]

    @pytest.mark.parametrize("reply", ["500 What?", "502 5.5.1 Not here", "550 No"])
    def test_a_server_that_refuses_ehlo_is_asked_with_helo(self, reply):
        talk = Talk()
        talk.hears("220 mx")

        assert talk.hears(reply) == ["HELO mta.example.com"]
        talk.hears("250 mx")
        assert talk.events == [Ready()]
        assert talk.begins(a_transaction()) == ["MAIL FROM:<bounces@mta.example.com>"]

    def test_a_server_that_refuses_helo_too_is_of_no_use(self):
        talk = Talk()
        talk.hears("220 mx")
        talk.hears("500 What?")
        talk.hears("550 5.7.1 Go away")

        assert talk.unusable == ["550 5.7.1 Go away"]

    @pytest.mark.parametrize("reply", ["421 Bye", "450 Later"])
    def test_a_server_that_puts_off_ehlo_is_not_asked_with_helo(self, reply):
        talk = Talk()
        talk.hears("220 mx")

        assert talk.hears(reply) == []
        assert talk.unusable == [reply]


class TestStartTls:
    def offered(self) -> Talk:
        talk = Talk(Tls.OFFERED)
        talk.hears("220 mx")
        assert talk.hears(*ehlo_reply("STARTTLS", *EXTENSIONS)) == ["STARTTLS"]
        return talk

    def test_what_was_said_in_clear_is_forgotten_under_tls(self):
        talk = self.offered()
        assert talk.hears("220 Go on") == []
        assert talk.events == [UpgradeToTls()] and not talk.session.can_begin

        talk.session.tls_established()

        assert talk.said() == ["EHLO mta.example.com"]
        assert talk.hears("250 mx") == []
        assert talk.events == [UpgradeToTls(), Ready()]
        assert talk.begins(a_transaction()) == ["MAIL FROM:<bounces@mta.example.com>"]

    def test_it_is_not_asked_for_twice(self):
        talk = self.offered()
        talk.hears("220 Go on")
        talk.session.tls_established()

        talk.said()
        assert talk.hears(*ehlo_reply("STARTTLS")) == []
        assert talk.session.can_begin

    @pytest.mark.parametrize("reply", ["454 4.7.0 Not now", "502 No", "250 What?"])
    def test_a_server_that_refuses_gets_the_mail_in_clear(self, reply):
        talk = self.offered()

        talk.hears(reply)

        assert talk.events == [Ready()]

    def test_a_server_that_closes_instead_is_of_no_use(self):
        talk = self.offered()
        talk.hears("421 Bye")

        assert talk.unusable == ["421 Bye"]

    @pytest.mark.parametrize("behind", ["250 mx\r\n", "250-mx\r\n", "25", "hello\r\n", "421 a\r\n"])
    def test_words_behind_the_220_are_an_attack(self, behind):
        talk = self.offered()

        talk.events += talk.session.receive(b"220 Go on\r\n" + behind.encode())

        assert talk.unusable == ["451 4.7.5 The server spoke before the TLS handshake"]
        assert len(talk.events) == 1

    def test_words_that_come_a_little_later_are_no_better(self):
        talk = self.offered()
        talk.hears("220 Go on")
        talk.hears("250 mx")

        assert talk.unusable == ["451 4.7.5 The server spoke before the TLS handshake"]

    def test_who_wants_no_tls_does_not_ask_for_it(self):
        talk = Talk(Tls.NEVER)
        talk.hears("220 mx")

        assert talk.hears(*ehlo_reply("STARTTLS")) == []
        assert talk.session.can_begin


class TestPipelining:
    def test_a_transaction_leaves_at_once(self):
        talk, message = a_pipelining_talk(), a_transaction()

        assert talk.begins(message) == [MAIL, RCPT, "DATA"]
        assert talk.hears("250 Ok", "251 Will forward") == []
        assert talk.hears("354 Go on") == WIRE
        assert talk.hears("250 2.0.0 Taken") == []
        assert talk.settled == [message] and verdict(message) == "250 2.0.0 Taken"
        assert message.dialogue == [
            f"C: {MAIL}", f"C: {RCPT}", "C: DATA",
            "S: 250 Ok", "S: 251 Will forward", "S: 354 Go on",
            "C: 22 octets of content", "S: 250 2.0.0 Taken",
        ]  # fmt: skip

    def test_the_next_one_rides_behind_the_final_dot(self):
        talk, first, second = a_pipelining_talk(), a_transaction(), a_transaction("d@e.example")
        talk.begins(first)
        assert not talk.session.can_begin
        talk.session.receive(b"250 Ok\r\n250 Ok\r\n354 Go on\r\n")

        written = talk.begins(second)

        assert written == [*WIRE, MAIL, "RCPT TO:<d@e.example>", "DATA"]
        assert not talk.session.can_begin
        talk.hears("250 a", "250 Ok", "250 Ok", "354 Go on")
        assert talk.settled == [first] and talk.session.can_begin
        talk.hears("250 b")
        assert talk.settled == [first, second]

    @pytest.mark.parametrize(
        ("replies", "said"),
        [
            (["450 4.2.0 a", "503 b", "503 c"], "450 4.2.0 a"),
            (["550 5.7.1 a", "503 b", "503 c"], "550 5.7.1 a"),
            (["250 a", "452 4.2.2 b", "554 c"], "452 4.2.2 b"),
            (["250 a", "550 5.1.1 b", "503 c"], "550 5.1.1 b"),
            (["250 a", "250 b", "451 4.3.0 c"], "451 4.3.0 c"),
            (["250 a", "252 b", "554 5.6.0 c"], "554 5.6.0 c"),
            (["250 a", "354 b", "554 c"], OUT_OF_PLACE + "354 b"),
            (["503 a", "503 b", "503 c"], OUT_OF_PLACE + "503 a"),
            (["250 a", "250 b", "250 c"], OUT_OF_PLACE + "250 c"),
        ],
    )
    def test_the_first_refusal_is_the_verdict_and_rset_goes_before_the_next(self, replies, said):
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)

        assert talk.hears(*replies) == []

        assert talk.settled == [message] and verdict(message) == said
        assert talk.begins(a_transaction()) == ["RSET", MAIL, RCPT, "DATA"]
        assert talk.hears("250 Ok", "250 Ok", "250 Ok", "354 Go on") == WIRE

    def test_who_asks_for_content_with_no_recipient_left_gets_a_lone_dot(self):
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)

        assert talk.hears("250 Ok", "550 5.1.1 Nobody", "354 Go on") == ["."]

        assert not message.content_sent and talk.settled == []
        assert message.dialogue[-1] == "C: ."
        assert talk.begins(a_transaction()) == [MAIL, RCPT, "DATA"]
        talk.hears("250 2.0.0 Taken by nobody")
        assert talk.settled == [message] and verdict(message) == "550 5.1.1 Nobody"

    @pytest.mark.parametrize("reply", ["451 4.3.0 Later", "554 5.7.1 Spam"])
    def test_a_refusal_of_the_content_needs_no_rset(self, reply):
        talk, message = a_pipelining_talk(), a_transaction()
        up_to_the_dot(talk, message)

        talk.hears(reply)

        assert verdict(message) == reply
        assert talk.begins(a_transaction()) == [MAIL, RCPT, "DATA"]

    def test_a_strange_reply_to_the_content_says_nothing_final(self):
        talk, message = a_pipelining_talk(), a_transaction()
        up_to_the_dot(talk, message)
        talk.hears("354 More")

        assert verdict(message) == OUT_OF_PLACE + "354 More"


class TestStepByStep:
    def test_a_server_without_pipelining_is_asked_one_thing_at_a_time(self):
        talk, message = a_greeted_talk("SIZE"), a_transaction()

        assert talk.begins(message) == [MAIL]
        assert talk.hears("250 Ok") == [RCPT]
        assert talk.hears("251 Will forward") == ["DATA"]
        assert talk.hears("354 Go on") == WIRE
        assert not talk.session.can_begin
        talk.hears("250 Taken")
        assert talk.settled == [message] and talk.begins(a_transaction()) == [MAIL]

    @pytest.mark.parametrize("accepted", [0, 1, 2])
    def test_after_a_refusal_it_waits_for_the_reply_to_rset_too(self, accepted):
        talk, message = a_greeted_talk("SIZE"), a_transaction()
        talk.begins(message)
        for _ in range(accepted):
            talk.hears("250 Ok")

        assert talk.hears("550 5.1.1 No") == []

        assert talk.settled == [message] and verdict(message) == "550 5.1.1 No"
        assert talk.begins(a_transaction()) == ["RSET"]
        assert talk.hears("500 What is RSET?") == [MAIL]
        assert talk.hears("250 Ok") == [RCPT]


@pytest.mark.parametrize("extensions", [EXTENSIONS, ("SIZE 1000",)])
def test_it_says_what_each_reply_answers(extensions):
    talk, phases = a_greeted_talk(*extensions), []
    talk.begins(a_transaction())
    for reply in ("250 Ok", "250 Ok", "354 Go on", "250 Taken"):
        phases.append(talk.session.phase)
        talk.hears(reply)

    assert phases == [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT]
    assert talk.session.phase is None


@pytest.mark.parametrize("extensions", [EXTENSIONS, ("SIZE 1000",)])
@pytest.mark.parametrize(
    ("replies", "phase"),
    [
        (["550 No"], Phase.MAIL),
        (["250 Ok", "550 No"], Phase.RCPT),
        (["250 Ok", "250 Ok", "554 No"], Phase.DATA),
        (["250 Ok", "250 Ok", "354 Go on", "554 No"], Phase.DOT),
        (["250 Ok", "250 Ok", "354 Go on", "250 Taken"], Phase.DOT),
    ],
)
def test_a_verdict_keeps_what_it_answers(extensions, replies, phase):
    talk, message = a_greeted_talk(*extensions), a_transaction()
    talk.begins(message)

    for reply in replies:
        talk.hears(reply)

    assert message.decided_at is phase
