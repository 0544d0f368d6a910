"""The submission door, from DATA to the dot: what is taken, how it leaves, what is refused."""

import itertools
import re

import pytest

from accounts.models import MEBIBYTE
from cloudmta.demo import DOMAIN
from cloudmta.testing import House
from messages.tests.submission_client import (
    ALICE,
    Books,
    alice,
    content,
    make_domain,
    open_books,
    queued_id,
    stored,
)

pytestmark = pytest.mark.xdist_group("house")

TO = "delivered@sim.test"
TOO_BIG = "552 5.3.4 Message too big (limit 10485760 bytes)"
TWICE = "554 5.6.0 The header has more than one {} field"
UNREADABLE = "554 5.6.0 The From field cannot be read: Cannot read an address at {!r}"
NOT_BOBS = "550 5.7.1 Sender domain bobs.example is not verified"
ONE_MAILBOX = "554 5.6.0 The From field must name exactly one mailbox"
TOO_MANY_TAGS = "554 5.6.0 21 tags were given; 20 are allowed"
LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\n\r", b""]
KEPT = (
    b"Subject:  odd   blanks \r\n\t and folds\r\n"
    b"X-Twice: 1\r\nX-Twice: 2\r\nto: one@sim.test\r\n"
    b"Received: from a by b; Mon, 23 Nov 2026 00:00:00 +0000\r\n"
    b"DATE: Mon, 23 Nov 2026 00:00:00 +0000\r\nMessage-Id: <own@demo>\r\n"
)


@pytest.fixture
def books(house: House) -> Books:
    make_domain(house, "bobs.example", owner="Bob", verified=True)
    return open_books(house)


def accepted(house: House, sent: bytes) -> bytes:
    """Hand a content in and return what leaves, behind our Received field."""
    with alice(house) as client:
        data = stored(house, client.submit(sent, TO))
    received, trace, rest = re.split(rb"^(Received: [^\r]+(?:\r\n [^\r]+)+\r\n)", data, maxsplit=1)
    assert received == b""
    assert trace.count(b"\r\n") == 3
    return rest


class TestAuthor:
    @pytest.mark.parametrize(
        ("fields", "reply"),
        [
            ([], "554 5.6.0 The header has no From field"),
            (["From: bob@bobs.example"], NOT_BOBS),
            ([f"From: {ALICE}, bob@bobs.example"], ONE_MAILBOX),
            ([f"From: {ALICE}, {ALICE}"], ONE_MAILBOX),
            ([f"From: {ALICE}", f"From: {ALICE}"], TWICE.format("From")),
            ([f"From: {ALICE}", "from : bob@bobs.example"], TWICE.format("From")),
            (["From: Nobody:;"], ONE_MAILBOX),
            ([f"From: Friends: {ALICE};"], ONE_MAILBOX),
            ([f"From: Friends: {ALICE}, bob@bobs.example;"], ONE_MAILBOX),
            (["From:"], ONE_MAILBOX),
            (["From: alice"], UNREADABLE.format("alice")),
            (["From: alice@[127.0.0.1]"], UNREADABLE.format("alice@[127.0.0.1]")),
            ([f"From: {ALICE}", "Subject: a", "Subject: b"], TWICE.format("Subject")),
        ],
    )  # fmt: skip
    def test_it_is_one_and_ours(self, house, books, fields, reply):
        with alice(house) as client:
            assert client.submit(content(*fields, sender=""), TO) == reply

            assert books.new_refusals() == [(reply, ALICE, [TO])]
            assert books.new_messages() == 0

    @pytest.mark.parametrize(
        "value",
        [
            f'"A. Lice; the first" <{ALICE}>',
            f"Alice (not Bob: bobs.example;) <{ALICE}>",
            f"=?utf-8?q?Al=C3=ADce?=\r\n <Alice@{DOMAIN.upper()}>",
        ],
    )
    def test_it_may_be_written_in_many_ways(self, house, value):
        assert f"From: {value}\r\n".encode() in accepted(
            house, content(f"From: {value}", sender="")
        )


class TestHeader:
    def test_ours_and_secret_fields_go_and_all_others_stay_as_they_are(self, house):
        sent = (
            b"x-cloudmta-class: digest\r\nBcc: secret@sim.test,\r\n other@sim.test\r\n"
            b"From: " + ALICE.encode() + b"\r\nReturn-Path: <x@y.test>\r\nX-CloudMTA-Any: 1\r\n"
            + KEPT + b"RESENT-BCC: secret@sim.test\r\nContent-Length: 9\r\n"
            + b"X-CLOUDMTA-TAGS: a\r\n\r\n"
            b"Bcc: in the body\r\n \r\n\r\n"
        )  # fmt: skip

        assert accepted(house, sent) == (
            b"From: " + ALICE.encode() + b"\r\n" + KEPT + b"\r\nBcc: in the body\r\n \r\n\r\n"
        )

    def test_date_and_message_id_are_added_where_they_are_missing(self, house):
        with alice(house) as client:
            reply = client.submit(content("Message-ID: \r\n "), TO)
        header, _, body = stored(house, reply).partition(b"\r\n\r\n")

        lines = header.decode().split("\r\n")[3:]  # behind our Received
        assert lines[0] == f"From: <{ALICE}>"
        assert re.fullmatch(r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", lines[1])
        assert lines[2:] == [f"Message-ID: <{queued_id(reply)}@{DOMAIN}>"]
        assert body == b"It works.\r\n"

    def test_our_received_field_tells_the_account_and_not_the_address(self, house):
        with alice(house) as client:
            reply = client.submit(content(), TO)

        assert re.match(
            r"Received: from [0-9a-f]{16} by mta\.cloudmta\.test\r\n"
            rf" with ESMTPSA id {queued_id(reply)};\r\n \w{{3}}, .* \+0000\r\nFrom:",
            stored(house, reply).decode(),
        )

    @pytest.mark.parametrize(("hops", "is_taken"), [(50, True), (51, False)])
    def test_a_message_that_runs_in_a_loop_is_stopped(self, house, hops, is_taken):
        with alice(house) as client:
            reply = client.submit(content(*["Received: by x; today"] * hops), TO)

        loop = "554 5.4.6 Too many Received fields: the message runs in a loop"
        assert reply.startswith("250 ") if is_taken else reply == loop

    def test_what_is_no_header_is_refused_with_the_line(self, house):
        with alice(house) as client:
            reply = client.submit(content("Subject: a", "no field"), TO)

        assert reply == "554 5.6.0 Line 3 of the header is not a field"


class TestOurFields:
    @pytest.mark.parametrize(
        ("name", "number"), [("", 1), ("priority", 0), (" Standard ", 1), ("DIGEST", 2)]
    )
    def test_a_class_is_stored(self, house, name, number):
        fields = [f"X-CloudMTA-Class: {name}"] if name else []
        with alice(house) as client:
            message_id = queued_id(client.submit(content(*fields), TO))

        rows = house.sql(
            "SELECT m.message_class, r.message_class FROM mail_message m JOIN mail_recipient r"
            " ON r.message_id = m.id WHERE m.id = %s",
            message_id,
        )
        assert rows == [(number, number)]

    @pytest.mark.parametrize("name", ["urgent", "", "priority, digest"])
    def test_an_unknown_class_is_refused_with_the_known_ones(self, house, name):
        with alice(house) as client:
            reply = client.submit(content(f"x-cloudmta-class: {name}"), TO)

        assert reply == (
            f"554 5.6.0 x-cloudmta-class must be one of priority, standard, digest, not '{name}'"
        )

    @pytest.mark.parametrize("value", ["x" * 5000, "\u00fc\u2028", "=?utf-8?q?a=0D=0A250_ok?="])
    def test_a_refusal_is_one_short_line_of_ascii(self, house, value):
        for field in (f"x-cloudmta-class: {value}", f"x-cloudmta-tags: {value * 65}"):
            sent = re.sub(r"(.{900})", r"\1\r\n ", field)
            with alice(house) as client:
                reply = client.submit(content(sent), TO)

            assert reply.startswith("554 5.6.0 ")
            assert reply.isascii()
            assert "\r" not in reply
            assert len(reply) <= 510  # RFC 5321 4.5.3.1.5

    def test_tags_are_trimmed_and_keep_their_order(self, house):
        fields = [
            "x-cloudmta-tags:  welcome ,, two  words,\r\n =?utf-8?b?w7xiZXI=?=,",
            "X-CloudMTA-Tags: welcome, z",
        ]
        with alice(house) as client:
            message_id = queued_id(client.submit(content(*fields), TO))

        rows = house.sql("SELECT tags FROM mail_message WHERE id = %s", message_id)
        assert rows == [(["welcome", "two words", "über", "z"],)]

    @pytest.mark.parametrize(
        ("tags", "reply"),
        [
            (list("abcdefghijklmnopqrst"), None),
            (["a" * 64], None),
            (list("abcdefghijklmnopqrstu"), TOO_MANY_TAGS),
            (["b" * 65], f"554 5.6.0 The tag '{'b' * 57}...' is longer than 64 characters"),
        ],
    )  # fmt: skip
    def test_tags_have_limits(self, house, tags, reply):
        with alice(house) as client:
            answered = client.submit(content(f"x-cloudmta-tags: {','.join(tags)}"), TO)

        assert answered.startswith("250 ") if reply is None else answered == reply


class TestText:
    @pytest.mark.parametrize(
        ("body", "reply"),
        [
            (b"a\0b", "554 5.6.0 NUL in line 3 of the message"),
            (b"a\rb", "554 5.6.0 CR without LF in line 3 of the message"),
        ],
    )  # fmt: skip
    def test_what_no_message_may_hold_is_refused(self, house, books, body, reply):
        with alice(house) as client:
            assert client.submit(content(body="") + body + b"\r\n", TO) == reply

            assert books.new_refusals() == [(reply, ALICE, [TO])]
            assert books.new_messages() == 0

    def test_a_line_too_long_is_encoded(self, house):
        sent = content(body="") + b"x" * 999 + b"\r\n"

        header, _, body = accepted(house, sent).partition(b"\r\n\r\n")

        assert b"Content-Transfer-Encoding: quoted-printable" in header
        assert body.replace(b"=\r\n", b"") == b"x" * 999 + b"\r\n"

    def test_lines_of_998_octets_pass_and_a_bare_lf_becomes_a_line_end(self, house):
        body = b"x" * 998 + b"\r\na\nb\n\n"

        sent = content(body="").replace(b"\r\n", b"\n") + body + b"\r\n"
        assert accepted(house, sent).partition(b"\r\n\r\n")[2] == (
            b"x" * 998 + b"\r\na\r\nb\r\n\r\n\r\n"
        )

    def test_nothing_but_crlf_dot_crlf_ends_a_message(self, house, books):
        smuggled = f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{TO}>\r\nDATA\r\nFrom: {ALICE}\r\n\r\n"
        pairs = itertools.product(LINE_ENDS, repeat=2)
        variants = [before + b"." + after for before, after in pairs]
        variants.remove(b"\r\n.\r\n")
        with alice(house) as client:
            for variant in variants:
                reply = client.submit(content(body="x") + variant + smuggled.encode(), TO)
                # One reply to one message, and the session is where it was.
                assert reply[:4] in ("250 ", "554 "), variant
                assert client.say("NOOP") == "250 2.0.0 Ok", variant
                if reply.startswith("250 "):
                    assert b"\r" not in stored(house, reply).replace(b"\r\n", b"\n"), variant
                    books.messages += 1
        assert len(variants) == 24
        assert books.new_messages() == 0


class TestSize:
    def test_a_declared_size_is_refused_at_once(self, house):
        with alice(house) as client:
            assert client.say(f"MAIL FROM:<{ALICE}> SIZE=10485761") == TOO_BIG
            assert client.say(f"MAIL FROM:<{ALICE}> SIZE=10485760") == "250 2.1.0 Sender ok"

    def test_ten_megabytes_are_taken_and_not_an_octet_more(self, house, books):
        small = content(body="")
        body = (b"x" * 62 + b"\r\n") * (10 * MEBIBYTE // 64)
        largest = small + body[-(10 * MEBIBYTE - len(small)) :]
        with alice(house) as client:
            assert client.submit(b"X" + largest, TO) == TOO_BIG
            assert books.new_refusals() == [(TOO_BIG, ALICE, [TO])]
            assert books.new_messages() == 0

            reply = client.submit(largest, "anyone@nullmx.sim.test")
        assert stored(house, reply).endswith(body[-1000:])
        rows = house.sql("SELECT size FROM mail_message WHERE id = %s", queued_id(reply))
        assert rows == [(10 * MEBIBYTE,)]


class TestMalice:
    @pytest.mark.parametrize(
        "value",
        [
            "=?a?q?" * 40_000,
            "=?unicode_escape?q?=5Cud800?=",
            "=?utf-7?q?+2AA-?=",
            "=?utf-8?q?=00?=",
        ],
        ids=lambda value: value[:24],
    )
    def test_no_subject_is_trouble_to_read_or_to_store(self, house, value):
        folded = re.sub(r"(.{900})", r"\1\r\n ", f"Subject: {value}")

        with alice(house) as client:
            assert client.submit(content(folded), TO).startswith("250 ")
