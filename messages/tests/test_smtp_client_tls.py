"""The sending side where TLS is a must, and how long each phase of a conversation took."""

from messages.smtp.client import Tls
from messages.smtp.replies import Reply
from messages.tests.client_driver import (
    EXTENSIONS,
    Talk,
    a_pipelining_talk,
    a_transaction,
    ehlo_reply,
)


class TestRequiredTls:
    def test_a_server_that_does_not_offer_it_gets_nothing(self):
        talk = Talk(Tls.REQUIRED)
        talk.hears("220 mx")

        assert talk.hears(*ehlo_reply(*EXTENSIONS)) == []
        assert talk.unusable == ["451 4.7.4 TLS is required, and the server does not offer it"]

    def test_nor_does_one_that_refuses_it(self):
        talk = Talk(Tls.REQUIRED)
        talk.hears("220 mx")
        talk.hears(*ehlo_reply("STARTTLS"))
        talk.hears("454 4.7.0 Not now")

        assert talk.unusable == ["451 4.7.4 TLS is required, and refused: 454 4.7.0 Not now"]

    def test_nor_one_that_knows_no_ehlo(self):
        talk = Talk(Tls.REQUIRED)
        talk.hears("220 mx")
        talk.hears("500 What?")
        talk.hears("250 mx")

        assert talk.unusable == ["451 4.7.4 TLS is required, and the server does not offer it"]

    def test_under_tls_it_need_not_be_offered_again(self):
        talk = Talk(Tls.REQUIRED)
        talk.hears("220 mx")
        talk.hears(*ehlo_reply("STARTTLS"))
        talk.hears("220 Go on")
        talk.session.tls_established()
        talk.hears(*ehlo_reply(*EXTENSIONS))

        assert talk.session.can_begin


def test_a_server_with_our_own_name_is_ourselves():
    talk = Talk()
    talk.hears("220 mx")
    talk.hears("250-mta.example.com Hello", "250 PIPELINING")

    assert talk.unusable == ["550 5.4.6 mta.example.com is what we call ourselves"]


class TestPhases:
    def waits(self, talk: Talk, seconds: float, *lines: str) -> None:
        talk.now += seconds
        talk.hears(*lines)

    def test_each_counts_from_its_beginning_or_the_end_of_the_one_before(self):
        talk, first, second = Talk(Tls.OFFERED), a_transaction(), a_transaction()
        talk.now = 1
        talk.session.connected(asked_at=0)
        self.waits(talk, 2, "220 mx")
        self.waits(talk, 3, *ehlo_reply("STARTTLS"))
        self.waits(talk, 4, "220 Go on")
        talk.now += 5
        talk.session.tls_established()
        self.waits(talk, 6, *ehlo_reply("PIPELINING"))
        assert talk.session.phases == [
            ("connect", 1), ("greeting", 2), ("EHLO", 3), ("STARTTLS", 4), ("TLS handshake", 5),
            ("EHLO", 6),
        ]  # fmt: skip

        talk.now += 1000  # idle
        talk.begins(first)
        self.waits(talk, 7, "250 Ok", "250 Ok", "354 Go on")
        talk.begins(second)
        self.waits(talk, 8, "250 Taken")
        self.waits(talk, 9, "250 Ok")
        assert first.phases == [("MAIL", 7), ("RCPT", 0), ("DATA", 0), ("final dot", 8)]
        assert second.phases == [("MAIL", 9)]

    def test_so_does_the_one_in_which_nothing_comes(self):
        talk, message = a_pipelining_talk(), a_transaction()
        talk.begins(message)
        self.waits(talk, 1, "250 Ok")
        talk.now += 300
        talk.session.fail(Reply(451, "4.4.2", "No answer in time to RCPT"))

        assert message.phases == [("MAIL", 1), ("RCPT", 300)]
