"""What a server answers, written and read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.replies import MAX_LINE, ProtocolError, Reply, ReplyReader


def read(data: bytes) -> list[Reply]:
    return ReplyReader().feed(data)


class TestReply:
    def test_the_first_digit_decides(self):
        kinds = [
            (reply.is_positive, reply.is_intermediate, reply.is_transient, reply.is_permanent)
            for reply in (Reply(code, "", "") for code in (250, 354, 451, 550))
        ]

        assert kinds == [
            (True, False, False, False),
            (False, True, False, False),
            (False, False, True, False),
            (False, False, False, True),
        ]

    def test_it_reads_as_one_line(self):
        assert str(Reply(550, "5.7.1", "Not\nyours")) == "550 5.7.1 Not yours"
        assert str(Reply(250, "", "Thanks!")) == "250 Thanks!"
        assert str(Reply(334, "", "")) == "334"

    def test_each_line_bears_code_and_status(self):
        assert Reply(550, "5.7.1", "Not\nyours").to_bytes() == (
            b"550-5.7.1 Not\r\n550 5.7.1 yours\r\n"
        )
        assert Reply(250, "", "mx\nSIZE 10").to_bytes() == b"250-mx\r\n250 SIZE 10\r\n"

    def test_without_text_there_is_still_a_space(self):
        assert Reply(334, "", "").to_bytes() == b"334 \r\n"

    def test_it_speaks_utf_8(self):
        assert Reply(550, "", "jürgen \ud800").to_bytes() == "550 jürgen ?\r\n".encode()

    def test_a_stray_cr_does_not_leave(self):
        assert Reply(550, "", "a\rb\r\nc").to_bytes() == b"550-a b\r\n550 c\r\n"

    @settings(deadline=None)
    @given(st.text(alphabet="a\r\n"))
    def test_no_text_makes_a_second_reply(self, text):
        assert len(read(Reply(550, "5.7.1", text).to_bytes())) == 1


class TestReplyReader:
    def test_it_takes_the_status_out_of_each_line(self):
        data = b"550-5.1.1 No such user,\r\n550 5.1.1 see https://x.test\r\n"

        assert read(data) == [Reply(550, "5.1.1", "No such user,\nsee https://x.test")]

    def test_a_later_line_may_be_the_first_with_a_status(self):
        assert read(b"550-Blocked\r\n550 5.7.1 for now\r\n") == [
            Reply(550, "5.7.1", "Blocked\nfor now")
        ]

    def test_the_first_status_counts(self):
        assert read(b"550-5.1.1 a\r\n550 5.7.1 b\r\n") == [Reply(550, "5.1.1", "a\nb")]

    def test_a_status_of_another_class_is_text(self):
        assert read(b"550 4.2.1 Hm\r\n") == [Reply(550, "", "4.2.1 Hm")]
        assert read(b"354 2.0.0 Go on\r\n") == [Reply(354, "", "2.0.0 Go on")]

    def test_a_number_is_not_always_a_status(self):
        assert read(b"250 2.1.0.9 is my version\r\n250 2.0\r\n") == [
            Reply(250, "", "2.1.0.9 is my version"),
            Reply(250, "", "2.0"),
        ]

    def test_several_replies_may_come_at_once(self):
        assert [reply.code for reply in read(b"250 a\r\n451 b\r\n354 c\r\n")] == [250, 451, 354]

    def test_there_may_be_any_number_of_them(self):
        assert len(read((b"250-" + b"a" * 4000 + b"\r\n250 b\r\n") * 100)) == 100

    def test_a_line_may_end_in_lf_alone(self):
        assert read(b"250-a\n250 b\n") == [Reply(250, "", "a\nb")]

    def test_a_code_alone_is_a_reply(self):
        assert read(b"250\r\n250 \r\n250 2.0.0\r\n") == [
            Reply(250, "", ""),
            Reply(250, "", ""),
            Reply(250, "2.0.0", ""),
        ]

    def test_it_reads_utf_8_and_whatever_is_none(self):
        assert read("550 jürgen\r\n".encode())[0].text == "jürgen"
        assert read("550 jürgen\r\n".encode("latin-1"))[0].text == "jürgen"

    def test_no_control_character_gets_through(self):
        assert read(b"550 a\rb\0c\x1b[31m\r\n")[0].text == "a b c [31m"

    def test_it_knows_whether_something_is_still_to_come(self):
        reader = ReplyReader()
        assert not reader.pending

        assert reader.feed(b"250-a\r\n") == []
        assert reader.pending
        assert reader.feed(b"250 b\r\n2") == [Reply(250, "", "a\nb")]
        assert reader.pending
        assert reader.feed(b"20 c\r\n") == [Reply(220, "", "c")]
        assert not reader.pending

    @pytest.mark.parametrize(
        "data",
        [
            b"hello\r\n",
            b"\r\n",
            b"25\r\n",
            b"2500\r\n",
            b"199 a\r\n",
            b"600 a\r\n",
            b"250\ta\r\n",
            b" 250 a\r\n",
            b"250-a\r\n251 b\r\n",
            b"250 " + b"a" * MAX_LINE + b"\r\n",
            b"250 " + b"a" * MAX_LINE,
            b"250-a\r\n" * 101,
            (b"250-" + b"a" * 4000 + b"\r\n") * 17,
        ],
    )
    def test_it_says_what_is_no_reply(self, data):
        with pytest.raises(ProtocolError):
            read(data)

    def test_what_came_before_it_is_not_lost(self):
        reader = ReplyReader()

        assert reader.feed(b"250 Thanks!\r\nhello\r\n") == [Reply(250, "", "Thanks!")]
        assert reader.pending
        with pytest.raises(ProtocolError):
            reader.feed(b"")

    def test_nothing_is_believed_after_it(self):
        reader = ReplyReader()
        with pytest.raises(ProtocolError):
            reader.feed(b"hello\r\n")

        with pytest.raises(ProtocolError):
            reader.feed(b"250 Thanks!\r\n")

    @settings(deadline=None)
    @given(
        st.sampled_from([250, 354, 451, 550]),
        st.integers(0, 999),
        st.lists(st.text(alphabet=st.characters(categories=["L", "P"]), max_size=20), min_size=1),
    )
    def test_it_reads_what_was_written(self, code, detail, lines):
        status = "" if code == 354 else f"{code // 100}.1.{detail}"
        reply = Reply(code, status, "\n".join(lines[:100]))

        assert read(reply.to_bytes()) == [reply]

    @settings(deadline=None)
    @given(
        st.lists(
            st.sampled_from([b"250", b"-", b" ", b"\r\n", b"\n", b"550 ", b"5.1.1 ", b"\xff"])
            | st.binary(max_size=10)
        )
    )
    def test_pieces_make_no_difference_and_only_one_error_is_raised(self, pieces):
        assert read_all([b"".join(pieces)]) == read_all(pieces)


def read_all(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """All replies, and whether something that is none ended them."""
    reader, replies = ReplyReader(), []
    try:
        for piece in [*pieces, b""]:
            replies += reader.feed(piece)
    except ProtocolError:
        return replies, True
    return replies, False
