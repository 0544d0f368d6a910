"""The bounce door, as the servers that report to it see it."""

import asyncio
import contextlib
import smtplib
import ssl
from pathlib import Path

import psutil
import pytest
import uvloop

from cloudmta.testing import House
from messages import bounces, door
from messages.bounces import BounceDoor
from messages.tests.bounce_client import (
    MTA_DOMAIN,
    Wire,
    client,
    report,
    stored,
    submitted,
    tokens,
)
from messages.tests.door_driver import Client
from messages.tests.smtp_driver import read_dialogue
from messages.tests.submission_client import make_domain

__all__ = ["tokens"]

pytestmark = pytest.mark.xdist_group("house")

DIALOGUES = sorted((Path(__file__).parent / "bounce_dialogues").glob("*.txt"))
NOBODY = 1 << 62  # the id of no recipient
MEBIBYTE = 1024 * 1024
UNKNOWN = (550, b"5.1.1 No such address here")


@pytest.fixture
def recipient(house: House, request: pytest.FixtureRequest) -> int:
    """The id of a recipient of Alice's whose message was accepted."""
    return submitted(house, f"delivered+{abs(hash(request.node.name))}@sim.test")[1]


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_it_answers_as_written(house, tokens, recipient, path):
    make_domain(house, "bounces.bobs.example", owner="Bob", verified=True)
    address = tokens.of(recipient)
    names = {
        "host": "mta.cloudmta.test",
        "domain": "demo.cloudmta.test",
        "mta_domain": MTA_DOMAIN,
        "address": address,
        "upper": address.upper(),
        "local_part": address.partition("@")[0],
        "forged": address.replace(address[10], "0" if address[10] != "0" else "1", 1),
        "elsewhere": tokens.of(recipient, "mta.bounces.bobs.example"),
        "gone": tokens.of(NOBODY),
    }
    dialogue = read_dialogue(path, **names)

    with Wire(house.bounces_port) as wire:
        answered = []
        for turn in dialogue.turns:
            wire.socket.sendall(turn.sent)
            answered.append(wire.read(len(turn.answered)))
        rest = b"" if "<closes the connection>" in answered[-1] else wire.rest()

    assert answered == [turn.answered for turn in dialogue.turns]
    assert rest == b""


class TestStoring:
    def test_a_report_is_in_the_database_before_its_250(self, house, tokens, recipient):
        assert report(house, tokens.of(recipient), b"Subject: x\r\n\r\n") == 250

        assert stored(house, recipient) == [("", 14)]

    def test_a_second_copy_after_a_lost_reply_is_the_same_report(self, house, tokens, recipient):
        for _ in range(3):
            assert report(house, tokens.of(recipient), b"Subject: x\r\n\r\n") == 250

        assert len(stored(house, recipient)) == 1

    def test_any_octets_are_kept_as_they_came(self, house, tokens, recipient):
        content = bytes(range(1, 10)) + bytes(range(14, 256)) + b"x" * 5000 + b"\r\n"

        assert report(house, tokens.of(recipient), content) == 250

        ((kept,),) = house.sql(
            "SELECT content FROM mail_incomingreport WHERE recipient_id = %s", recipient
        )
        assert bytes(kept) == content

    def test_half_a_report_is_none(self, house, tokens, recipient):
        with client(house) as connection:
            connection.helo()
            connection.mail("")
            connection.rcpt(tokens.of(recipient))
            connection.docmd("DATA")
            connection.send(b"Subject: x\r\n\r\n.\r")
            connection.close()

        assert report(house, tokens.of(recipient), b"Subject: whole\r\n\r\n") == 250
        assert stored(house, recipient) == [("", 18)]


class TestTls:
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_it_hands_out_no_session_tickets(self, house, version):
        context = house.trust
        context.check_hostname = False
        context.minimum_version = context.maximum_version = version
        with client(house) as connection:
            connection.starttls(context=context)
            assert connection.noop()[0] == 250  # a ticket of TLS 1.3 would have come by now

            assert not connection.sock.session or not connection.sock.session.has_ticket

    def test_it_takes_reports_under_tls(self, house, tokens, recipient):
        context = house.trust
        context.check_hostname = False
        with client(house) as connection:
            connection.starttls(context=context)
            connection.sendmail("", tokens.of(recipient), b"Subject: x\r\n\r\n")

        assert stored(house, recipient) == [("", 14)]


class TestFloods:
    def test_fifty_megabytes_are_read_and_not_kept(self, house, tokens, recipient):
        (child,) = house.children("bounces")
        before = psutil.Process(child.pid).memory_info().rss
        with client(house) as connection:
            connection.helo()
            connection.mail("")
            connection.rcpt(tokens.of(recipient))
            connection.docmd("DATA")
            for _ in range(50):
                connection.send((b"x" * 1022 + b"\r\n") * 1024)
            after = psutil.Process(child.pid).memory_info().rss

            assert connection.docmd(".") == (
                552, b"5.3.4 Message too big (limit 2097152 bytes)",
            )  # fmt: skip
            assert connection.noop()[0] == 250
        assert after - before < 20 * MEBIBYTE
        assert stored(house, recipient) == []

    def test_who_guesses_is_shown_the_door(self, house):
        with client(house) as connection:
            connection.helo()
            connection.mail("")
            guesses = [
                connection.rcpt(f"bounces+{number:040x}@{MTA_DOMAIN}")
                for number in range(bounces.MAX_STRAYS)
            ]

            assert set(guesses) == {UNKNOWN}
            assert connection.rcpt("x@y.example") == (421, b"4.7.0 Too many unknown recipients")
            with pytest.raises(smtplib.SMTPServerDisconnected):
                connection.noop()

    def test_who_has_much_to_tell_comes_again(self, house):
        with client(house) as connection:
            connection.helo()
            for _ in range(bounces.MAX_TRANSACTIONS):
                assert connection.mail("")[0] == 250
                connection.rset()

            assert connection.docmd("MAIL FROM:<>")[0] == 421

    def test_one_recipient_does_not_fill_the_disk(self, house, tokens, recipient):
        house.sql(
            "INSERT INTO mail_incomingreport"
            " (recipient_id, received_at, reverse_path, size, digest, state, note)"
            " SELECT %s, now(), '', 0, int4send(n), 'read', '' FROM generate_series(1, 20) n",
            recipient,
        )

        with client(house) as connection:
            connection.helo()
            connection.mail("")
            assert connection.rcpt(tokens.of(recipient)) == (
                550, b"5.7.1 Too many reports for this address",
            )  # fmt: skip

    def test_one_address_does_not_take_all_connections(self, house):
        with contextlib.ExitStack() as stack:
            for _ in range(bounces.MAX_PER_ADDRESS):
                stack.enter_context(client(house, source="127.0.0.9"))

            with pytest.raises(smtplib.SMTPConnectError) as refused:
                client(house, source="127.0.0.9")
            assert refused.value.smtp_code == 421
            with client(house) as neighbour:
                assert neighbour.noop()[0] == 250


class TestSlowness:
    def test_who_dawdles_may_not_stay(self, settings, tmp_path, monkeypatch):
        settings.TLS_DIR = tmp_path / "tls"
        monkeypatch.setattr(door, "LOOK_EVERY", 0.1)
        monkeypatch.setattr(door, "MAX_STRANGER", 0.2)

        async def scene():
            bounce_door = BounceDoor()
            await bounce_door.open("127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", bounce_door.listener.ports[0]
            )
            writer.write(b"EHLO x\r\nMAIL FR")
            await Client(reader, writer).read_until("421 4.4.2 Timeout")
            writer.close()
            await bounce_door.close()

        uvloop.run(scene())
