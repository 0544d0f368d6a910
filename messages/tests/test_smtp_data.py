"""The content that follows DATA: dots, line ends, size, and what is smuggled there."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.data import dot_stuff
from messages.smtp.replies import Reply
from messages.smtp.server import (
    Closed,
    Content,
    Data,
    Mail,
    Malformed,
    Oversized,
    ServerConfig,
    StartTls,
)
from messages.tests.smtp_driver import (
    END,
    ENVELOPE,
    SERVERS,
    Door,
    Message,
    cut,
    door_awaiting_content,
    session_up_to,
)

BOUNCES = SERVERS["bounces"]
GO_ON = Reply(354, "", "Go on")
IMPROPER = "554 5.5.0 Improper pipelining"


class TestContent:
    def test_it_comes_without_dots_and_with_its_envelope(self):
        door = door_awaiting_content()

        door.send(b"Subject: x\r\n\r\n..\r\n.a\r\n...\r\n.\r\n")

        content = b"Subject: x\r\n\r\n.\r\na\r\n..\r\n"
        assert door.messages == [Message("a@b", ("c@d",), content)]

    def test_it_is_gone_from_the_session_once_answered(self):
        door = door_awaiting_content()

        door.send(b"Subject: x\r\n.\r\n")

        assert door.session.reverse_path is None
        assert door.session.recipients == []

    def test_it_may_be_empty(self):
        door = door_awaiting_content()

        door.send(b".\r\n")

        assert door.messages[0].content == b""

    def test_a_bare_lf_becomes_crlf(self):
        door = door_awaiting_content()

        door.send(b"\na\nb\r\n\n\r\n.\r\n")

        assert door.messages[0].content == b"\r\na\r\nb\r\n\r\n\r\n"

    def test_the_size_counts_line_ends_as_they_will_be(self):
        door = door_awaiting_content(ServerConfig("x", 10))

        door.send(b"a\nb\nc\nd\r\n.\r\n")

        assert isinstance(door.events[-1], Oversized)

    def test_a_large_one_is_looked_at_to_its_end(self):
        lines = b"0123456789\r\n" * 20000
        door = door_awaiting_content()

        door.send(lines + b"bare\rcr\r\n.\r\n")

        assert door.events[-1] == Malformed(
            Reply(554, "5.6.0", "CR without LF in line 20001 of the message")
        )

    def test_lines_of_any_length_pass_where_they_may(self):
        door = door_awaiting_content(ServerConfig("x", 10000, max_line=None))

        door.send(b"a" * 5000 + b"\r\n.\r\n")

        assert len(door.messages[0].content) == 5002

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 5), max_size=30), st.integers(2, 5))
    def test_a_line_over_the_limit_is_found_wherever_it_is(self, lengths, limit):
        door = door_awaiting_content(ServerConfig("x", 1000, max_line=limit))
        too_long = next((at for at, n in enumerate(lengths, 1) if n > limit), None)

        door.send(b"".join(b"a" * length + b"\r\n" for length in lengths) + b".\r\n")

        if too_long is None:
            assert isinstance(door.events[-1], Content)
        else:
            text = f"More than {limit} octets in line {too_long} of the message"
            assert door.events[-1] == Malformed(Reply(554, "5.6.0", text))

    def test_what_is_too_much_is_not_held(self):
        door = door_awaiting_content(ServerConfig("x", 100))
        reader = door.session._content

        for _ in range(100):
            door.send(b"a" * 1000)

        assert len(reader._content) + len(reader._held) + door.session.buffered < 10
        assert door.events[-1] == Data()
        assert door.send(b"\r\n.\r\n") == ["552 5.3.4 Message too big (limit 100 bytes)"]

    def test_the_limit_may_be_changed_on_the_way(self):
        door = Door(ServerConfig("x", 100))
        door.session.max_size = 5

        assert "250-SIZE 5" in door.send(b"EHLO x\r\n")
        door.send(ENVELOPE)
        assert door.send(b"1234\r\n.\r\n") == ["552 5.3.4 Message too big (limit 5 bytes)"]

    @settings(deadline=None)
    @given(
        st.text(alphabet=".\r\na", max_size=40).map(
            lambda text: re.sub("\r\n|\r|\n", "\r\n", text + "\n").encode()
        ),
        st.lists(st.integers(0, 200), max_size=5),
    )
    def test_it_arrives_as_it_left(self, content, places):
        door = door_awaiting_content()

        door.send(*cut(dot_stuff(content), places))

        assert door.messages == [Message("a@b", ("c@d",), content)]

    @settings(deadline=None)
    @given(
        st.text(alphabet=".\r\na", max_size=40).map(str.encode),
        st.lists(st.integers(0, 200), max_size=5),
    )
    def test_it_is_the_same_in_any_pieces(self, octets, places):
        whole, pieces = door_awaiting_content(), door_awaiting_content()
        octets += b"\r\n.\r\n"

        assert whole.send(octets) == pieces.send(*cut(octets, places))
        assert whole.events == pieces.events


class TestDotStuffing:
    def test_each_dot_at_a_lines_begin_is_doubled(self):
        assert dot_stuff(b".a\r\n.\r\nb.\r\n") == b"..a\r\n..\r\nb.\r\n.\r\n"

    def test_the_last_line_gets_its_end(self):
        assert dot_stuff(b"a") == b"a\r\n.\r\n"

    def test_an_empty_content_is_the_end_alone(self):
        assert dot_stuff(b"") == b".\r\n"

    @pytest.mark.parametrize("stray", [b"a\n", b"a\r", b"a\rb\r\n", b"\n.\n", b"a\r\r\n"])
    def test_a_stray_cr_or_lf_does_not_leave(self, stray):
        with pytest.raises(ValueError, match="CRLF"):
            dot_stuff(stray)

    @pytest.mark.parametrize("after", [b"\r\n", b"\n", b"\r"])
    @pytest.mark.parametrize("before", [b"\r\n", b"\n", b"\r"])
    def test_no_lone_dot_of_a_content_ends_it(self, before, after):
        content = b"a: b\r\n\r\nx" + before + b"." + after + b"MAIL FROM:<c@d>\r\n"
        if before == after == b"\r\n":
            wire = dot_stuff(content)
            assert wire.count(b"\r\n.\r\n") == 1 and wire.endswith(b"\r\n.\r\n")
        else:
            with pytest.raises(ValueError, match="not part of a CRLF"):
                dot_stuff(content)


class TestSmuggling:
    @pytest.mark.parametrize(
        ("before", "after"), list(itertools.product([b"\r\n", b"\n", b"\r"], repeat=2))
    )
    def test_only_crlf_dot_crlf_ends_a_content(self, before, after):
        door = door_awaiting_content()
        smuggled = b"MAIL FROM:<admin@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: smuggled"

        door.send(b"Subject: x" + before + b"." + after + smuggled + b"\r\n.\r\n")

        is_end = before == after == b"\r\n"
        mails = [event for event in door.events if isinstance(event, Mail)]
        assert [mail.reverse_path for mail in mails] == ["a@b"] + ["admin@b"] * is_end
        assert len(door.messages) == (0 if b"\r" in (before, after) else 1)
        # What came before our 354 is no content, even after a true end.
        assert (door.closed == Closed(IMPROPER)) is is_end

    def test_a_content_behind_data_is_not_read_as_commands(self):
        door = Door(BOUNCES)

        lines = door.send(ENVELOPE + b"RSET\r\n")

        assert lines[-2:] == [IMPROPER, END]
        assert Data() not in door.events

    def test_nor_one_behind_a_data_that_would_be_refused(self):
        door = Door(BOUNCES)

        assert door.send(b"DATA\r\nMAIL FROM:<a@b>\r\n")[-2:] == [IMPROPER, END]

    def test_nor_one_that_comes_while_data_is_thought_over(self):
        session = session_up_to(Data, ENVELOPE)
        session.receive(b"Subject: x\r\n")

        session.respond(GO_ON)

        assert session.take_output() == IMPROPER.encode() + b"\r\n"
        assert session.next_event() == Closed(IMPROPER)

    def test_what_came_in_clear_text_is_not_read_under_tls(self):
        session = session_up_to(StartTls, b"EHLO x\r\nSTARTTLS\r\n")
        session.receive(b"EHLO attacker\r\n")

        session.tls_established()

        assert session.next_event() == Closed(IMPROPER)
        assert session.state.client_name == ""
