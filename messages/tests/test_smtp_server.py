"""The server's side of SMTP: dialogues, limits, events."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.replies import Reply
from messages.smtp.server import (
    Authenticate,
    Closed,
    Data,
    Mail,
    Rcpt,
    ServerConfig,
    ServerSession,
    StartTls,
)
from messages.tests.smtp_driver import (
    DIALOGUES,
    END,
    ENVELOPE,
    SERVERS,
    Door,
    cut,
    read_dialogue,
    session_up_to,
    slowly,
)

BOUNCES = SERVERS["bounces"]
OK = Reply(250, "2.0.0", "Ok")
# Who sends octet by octet is never too early.
IN_TIME = [path for path in DIALOGUES if "Improper pipelining" not in path.read_text()]


class TestDialogues:
    @pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
    def test_it_goes_as_written(self, path):
        dialogue = read_dialogue(path)

        assert dialogue.play(lambda sent: [sent]) == dialogue.turns

    @pytest.mark.parametrize("path", IN_TIME, ids=lambda path: path.stem)
    def test_it_goes_the_same_octet_by_octet(self, path):
        dialogue = read_dialogue(path)

        assert dialogue.play(slowly) == dialogue.turns

    def test_there_are_many(self):
        assert len(DIALOGUES) >= 25


class TestLimits:
    @pytest.mark.parametrize(
        ("command", "octets"),
        [(b"NOOP ", 512), (b"MAIL ", 1024), (b"rcpt ", 1024), (b"AUTH ", 12800)],
    )
    def test_a_command_may_be_so_long_and_no_longer(self, command, octets):
        longest = command.ljust(octets - 2, b"a") + b"\r\n"
        too_long = Reply(500, "5.5.2", "Line too long")

        assert Door(BOUNCES).send(longest)[-1] != str(too_long)
        assert Door(BOUNCES).send(b"a" + longest)[-1] == str(too_long)
        assert Door(BOUNCES).send(*slowly(longest[:-2] + b"a\r\n"))[-1] == str(too_long)

    def test_a_response_in_auth_may_be_long(self):
        door = Door(SERVERS["optional"])
        door.send(b"EHLO x\r\nAUTH LOGIN\r\n")
        username = b"YWFh" * 3000

        assert door.send(username + b"\r\n") == ["334 UGFzc3dvcmQ6"]

    @pytest.mark.parametrize("response", [b"YWFh\n", b"a" * 13000 + b"\r\n"])
    def test_what_is_no_line_ends_an_auth(self, response):
        door = Door(SERVERS["optional"])
        door.send(b"EHLO x\r\nAUTH LOGIN\r\n")

        assert door.send(response)[-1].startswith("500 5.5.2 ")
        assert door.send(b"NOOP\r\n") == ["250 2.0.0 Ok"]

    def test_a_long_line_is_not_held(self):
        door = Door(BOUNCES)

        assert door.send(b"a" * 60000) == ["220 mx.example.com ESMTP"]
        assert door.session.buffered == 0
        assert door.send(b"a\r\nNOOP\r\n") == ["500 5.5.2 Line too long", "250 2.0.0 Ok"]

    @pytest.mark.parametrize("pieces", [[b"a" * 70000], [b"a" * 1000] * 70])
    def test_too_much_of_long_lines_is_the_end(self, pieces):
        door = Door(BOUNCES)

        assert door.send(*pieces)[1:] == ["500 5.5.2 Line too long", END]

    def test_too_many_errors_are_the_end(self):
        door = Door(BOUNCES)

        lines = door.send(b"EHLO x\r\n" + b"FOO\r\n" * 30)[-22:]

        assert lines == ["500 5.5.1 Command unrecognized"] * 20 + [
            "421 4.7.0 Too many errors",
            END,
        ]

    def test_wrong_passwords_are_errors(self):
        door = Door(SERVERS["optional"])

        lines = door.send(b"EHLO x\r\n" + b"AUTH PLAIN AGEAYg==\r\n" * 21)

        assert lines[-2:] == ["421 4.7.0 Too many errors", END]

    def test_a_message_that_is_taken_makes_up_for_errors(self):
        door = Door(BOUNCES)
        door.send(b"FOO\r\n" * 20)

        door.send(ENVELOPE)
        door.send(b"Subject: x\r\n.\r\n")

        assert door.send(b"FOO\r\n") == ["500 5.5.1 Command unrecognized"]

    def test_refusals_of_the_shell_are_no_errors(self):
        door = Door(BOUNCES)

        door.send(b"EHLO x\r\nMAIL FROM:<a@b>\r\n" + b"RCPT TO:<nobody@b>\r\n" * 50)

        assert door.closed is None

    def test_what_comes_while_an_event_waits_is_bounded(self):
        session = session_up_to(Mail, b"EHLO x\r\nMAIL FROM:<a@b>\r\n")

        for _ in range(20):
            session.receive(b"NOOP\r\n" * 10000)

        assert session.buffered == 0
        assert session.take_output() == b"421 4.7.0 Too much input\r\n"


class TestEvents:
    def test_one_at_a_time(self):
        session = session_up_to(Mail, ENVELOPE)

        assert session.is_blocked
        assert session.next_event() is None
        session.respond(OK)
        assert not session.is_blocked
        assert session.next_event() == Rcpt("c@d", {})

    def test_a_refused_mail_opens_no_transaction(self):
        session = session_up_to(Mail, b"EHLO x\r\nMAIL FROM:<a@b>\r\n")

        session.respond(Reply(550, "5.7.1", "No"))

        assert session.reverse_path is None

    def test_a_refused_data_ends_the_transaction(self):
        session = session_up_to(Data, ENVELOPE)

        session.respond(Reply(554, "5.5.3", "Too many recipients; nothing was sent"))

        assert session.reverse_path is None
        assert session.take_output().startswith(b"554 5.5.3 ")

    def test_the_postmaster_is_ours(self):
        session = session_up_to(Rcpt, b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<postmaster>\r\n")

        session.respond(OK)

        assert session.recipients == ["postmaster@mx.example.com"]

    def test_a_password_is_not_shown(self):
        assert "secret" not in repr(Authenticate("0123456789abcdef", "secret"))

    def test_whoever_is_let_in_is_known_until_tls(self):
        config = ServerConfig("x", 100, starttls=True, auth=True, auth_in_clear=True)
        session = ServerSession(config)
        session.receive(b"EHLO x\r\nAUTH PLAIN AGEAYg==\r\n")
        assert session.next_event() == Authenticate("a", "b")
        session.respond(Reply(235, "2.7.0", "Welcome"))
        assert session.state.username == "a"

        session.receive(b"STARTTLS\r\n")
        assert session.next_event() == StartTls()
        session.tls_established()

        assert session.state.is_tls
        assert session.state.username is None

    def test_a_greeting_may_turn_the_client_away(self):
        session = ServerSession(BOUNCES, greeting=Reply(421, "4.7.0", "Too many connections"))
        session.receive(b"EHLO x\r\n")

        assert session.take_output() == b"421 4.7.0 Too many connections\r\n"
        assert session.next_event() == Closed("421 4.7.0 Too many connections")
        assert session.next_event() is None

    def test_421_of_the_shell_closes(self):
        session = session_up_to(Mail, ENVELOPE)

        session.respond(Reply(421, "4.3.2", "Service shutting down"))

        assert session.next_event() == Closed("421 4.3.2 Service shutting down")

    def test_closing_makes_an_answer_to_come_pointless(self):
        session = session_up_to(Mail, ENVELOPE)

        session.close(Reply(421, "4.4.2", "Timeout"))
        session.respond(OK)

        assert session.take_output() == b"421 4.4.2 Timeout\r\n"
        assert session.next_event() == Closed("421 4.4.2 Timeout")

    def test_what_nobody_asked_has_no_answer(self):
        session = ServerSession(BOUNCES)

        with pytest.raises(RuntimeError):
            session.respond(OK)
        with pytest.raises(RuntimeError):
            session.tls_established()


PIECES = [
    b"EHLO x\r\n",
    b"MAIL FROM:<a@b>\r\n",
    b"RCPT TO:<c@d>\r\n",
    b"DATA\r\n",
    b"AUTH PLAIN",
    b"AUTH LOGIN\r\n",
    b"AGEAYg==",
    b"STARTTLS\r\n",
    b"Subject: x\r\n",
    b".",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"a" * 600,
    b" SMTPUTF8 SIZE=",
    b"<\xc3\xa9@x>",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=40), st.booleans())
def test_random_octets_never_raise(pieces, tls):
    for server in ("submission", "optional", "small"):
        door = Door(SERVERS[server], tls=tls)

        lines = door.send(*pieces)

        assert lines[0] == "220 mx.example.com ESMTP"
        assert all(re.match(r"[2-5][0-9][0-9][ -]|[2-5][0-9][0-9]$|<", line) for line in lines)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([piece for piece in PIECES if piece[:4] not in (b"DATA", b"STAR")])),
    st.lists(st.integers(0, 10000), max_size=10),
)
def test_commands_are_the_same_in_any_pieces(commands, places):
    octets = b"".join(commands)
    whole, pieces = Door(SERVERS["optional"]), Door(SERVERS["optional"])

    assert whole.send(octets) == pieces.send(*cut(octets, places))
    assert whole.events == pieces.events
