"""How the extensions of a server bear on a message."""

import pytest

from messages.smtp.client import Letter, Transaction
from messages.tests.client_driver import CONTENT, a_greeted_talk, a_transaction, verdict

MAIL = "MAIL FROM:<bounces@mta.example.com> SIZE=22"


class TestExtensions:
    @pytest.mark.parametrize("announced", ["SIZE", "SIZE 0", "SIZE 22", "SIZE 22 ", "SIZE many"])
    def test_a_size_is_told_and_may_be_unlimited(self, announced):
        assert a_greeted_talk(announced).begins(a_transaction()) == [MAIL]

    def test_a_content_above_the_limit_is_not_offered(self):
        talk, message = a_greeted_talk("size 21"), a_transaction()

        assert talk.begins(message) == []
        assert talk.settled == [message]
        assert verdict(message) == "552 5.3.4 The server takes 21 octets at most"
        assert talk.session.can_begin and talk.session.abandon() == []

    def test_an_8bit_body_is_announced_where_that_is_understood(self):
        content = CONTENT + "ü".encode()

        assert a_greeted_talk("8BITMIME").begins(a_transaction(content=content)) == [
            "MAIL FROM:<bounces@mta.example.com> BODY=8BITMIME"
        ]
        assert a_greeted_talk("SIZE").begins(a_transaction(content=content)) == [
            "MAIL FROM:<bounces@mta.example.com> SIZE=24"
        ]

    @pytest.mark.parametrize(
        ("sender", "recipient", "content"),
        [
            ("a@b.example", "jürgen@example.net", CONTENT),
            ("jürgen@b.example", "carol@example.net", CONTENT),
            ("a@b.example", "carol@example.net", "Subject: ü\r\n\r\n".encode() + CONTENT),
        ],
    )
    def test_smtputf8_is_asked_for_where_it_is_needed(self, sender, recipient, content):
        message = Transaction(sender, recipient, Letter.of(content))
        [mail] = a_greeted_talk("SMTPUTF8").begins(message)
        assert mail.endswith(" SMTPUTF8")

        old = a_greeted_talk("8BITMIME")

        assert old.begins(message) == [] and old.settled == [message]
        assert verdict(message).startswith("550 5.6.7 ")

    def test_an_8bit_body_alone_needs_no_smtputf8(self):
        assert not a_transaction(content=CONTENT + b"\xfc").needs_utf8

    def test_a_content_with_a_stray_line_end_never_leaves(self):
        with pytest.raises(ValueError, match="CR or LF"):
            Letter.of(b"a\n.\r\nb")
