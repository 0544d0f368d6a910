"""The exchangers of the simulated world, as a real SMTP client sees them."""

import errno
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from cloudmta.simulator import exchanger
from cloudmta.simulator.world import Options, World, running
from messages.simulated import Outcome, outcome_of

CONTENT = b"From: alice@example.com\r\nSubject: Hello\r\n\r\nHello.\r\n"

Start = Callable[..., World]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            running(Options(dns_port=0, smtp_port=0, http_port=0, **options))
        )


@pytest.fixture
def world(start: Start) -> World:
    return start()


def client_of(world: World, host: str = "127.0.0.1") -> smtplib.SMTP:
    return smtplib.SMTP(host, world.smtp_port, local_hostname="client.test", timeout=10)


def send(world: World, *recipients: str, sender: str = "b+1@mta.test", content=CONTENT):
    with client_of(world) as client:
        return client.sendmail(sender, recipients, content)


def refusal(world: World, recipient: str) -> tuple[int, bytes]:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(world, recipient)
    return refused.value.recipients[recipient]


class TestOutcomes:
    @pytest.mark.parametrize(
        ("address", "outcome"),
        [
            ("bounced@sim.test", Outcome.BOUNCED),
            ("BOUNCED+any.label@d17.sim.test", Outcome.BOUNCED),
            ("late-bounce+1@sim.test", Outcome.LATE_BOUNCE),
            ("bounced.too@sim.test", Outcome.DELIVERED),
            ('"a@b"@sim.test', Outcome.DELIVERED),
            ("postmaster", Outcome.DELIVERED),
            ("+blocked@sim.test", Outcome.DELIVERED),
        ],
    )
    def test_the_local_part_before_a_label_decides(self, address, outcome):
        assert outcome_of(address) is outcome

    @pytest.mark.parametrize(
        "who", ["delivered", "complained", "late-bounce", "auto-reply", "slow", "bob", "bob+x"]
    )
    def test_it_takes_the_message(self, start, who):
        world = start(slow_delay=0.0)

        send(world, f"{who}@sim.test")

        outcome = who if not who.startswith("bob") else "delivered"
        assert world.store.stats() == {
            "received": 1,
            "duplicates": 0,
            "by_outcome": {outcome: 1},
            "by_domain": {"sim.test": 1},
        }

    @pytest.mark.parametrize(
        ("who", "code", "status"),
        [
            ("bounced", 550, b"5.1.1"),
            ("softbounced", 450, b"4.2.1"),
            ("full", 452, b"4.2.2"),
            ("blocked", 554, b"5.7.1"),
            ("greylisted", 451, b"4.7.1"),
        ],
    )
    def test_it_refuses_the_recipient(self, world, who, code, status):
        reply = refusal(world, f"{who}+label@d17.sim.test")

        assert (reply[0], reply[1].split()[0]) == (code, status)
        assert world.store.stats()["received"] == 0
        assert world.store.stats()["by_outcome"] == {who: 1}

    def test_greylisting_lets_the_second_attempt_pass(self, world):
        refusal(world, "greylisted@sim.test")

        send(world, "greylisted@sim.test")

        assert world.store.stats()["by_outcome"] == {"greylisted": 1, "delivered": 1}

    def test_greylisting_takes_another_reverse_path_for_another_message(self, world):
        refusal(world, "greylisted@sim.test")

        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(world, "greylisted@sim.test", sender="b+2@mta.test")

    def test_a_message_whose_reply_is_lost_did_arrive(self, world):
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(world, "drop-after-dot@sim.test")

        assert world.store.stats()["by_outcome"] == {"drop-after-dot": 1}

    def test_slow_delays_every_reply_from_rcpt_on(self, start):
        world = start(slow_delay=0.05)
        begin = time.monotonic()

        send(world, "slow@sim.test")

        # RCPT, DATA, the final dot; a timer may be some milliseconds early.
        assert time.monotonic() - begin > 2.5 * 0.05

    def test_slow_holds_up_nobody_else(self, start):
        world = start(slow_delay=3600.0)
        with client_of(world) as slow:
            slow.ehlo()
            slow.mail("b+1@mta.test")
            slow.putcmd("RCPT TO:<slow@sim.test>")

            send(world, "bob@sim.test")

            assert world.store.received == 1
            slow.close()


class TestContent:
    @pytest.mark.parametrize(
        "content",
        [
            b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nend.\r\n",
            b"Subject: octets\r\n\r\n" + bytes(range(14, 256)) + b"\r\n",
            b"Subject: a long line\r\n\r\n" + b"x" * 5000 + b"\r\n",
            b"Subject: large\r\n\r\n" + (b"." * 70 + b"\r\n") * 20_000,
        ],
    )
    def test_it_keeps_the_very_bytes(self, world, content):
        send(world, "bob@sim.test", content=content)

        [message] = world.store.addressed_to("bob@sim.test")
        assert message.content == content

    def test_it_records_each_recipient_of_a_transaction(self, world):
        refused = send(world, "bob@sim.test", "bounced@sim.test", "carol@d1.sim.test")

        assert list(refused) == ["bounced@sim.test"]
        assert [m.recipient for m in world.store.addressed_to(None)] == [
            "bob@sim.test",
            "carol@d1.sim.test",
        ]
        assert world.store.duplicates == 0

    def test_it_counts_a_second_copy(self, world):
        for sender in ["b+1@mta.test", "b+2@mta.test", "b+1@mta.test", "", ""]:
            send(world, "bob@sim.test", sender=sender)

        assert (world.store.received, world.store.duplicates) == (5, 1)

    def test_it_only_counts_when_told_so(self, start):
        world = start(keep_content=False)

        send(world, "bob@sim.test")

        assert (world.store.received, len(world.store.messages)) == (1, 0)


class TestProtocol:
    def test_it_offers_what_receivers_offer(self, world):
        with client_of(world) as client:
            client.ehlo()

            assert client.esmtp_features.keys() >= {"pipelining", "8bitmime", "smtputf8"}
            assert client.esmtp_features["size"] == "20000000"
            assert client.has_extn("starttls")

    def test_it_goes_on_under_tls(self, world):
        with client_of(world) as client:
            client.starttls(context=trusting_context())
            assert not client.has_extn("starttls")
            client.sendmail("b+1@mta.test", ["bob@sim.test"], CONTENT)

        assert world.store.received == 1

    def test_it_can_do_without_tls(self, start):
        with client_of(start(starttls=False)) as client:
            client.ehlo()
            assert not client.has_extn("starttls")

    def test_a_broken_handshake_ends_the_connection(self, world):
        with client_of(world) as client:
            client.ehlo()
            assert client.docmd("STARTTLS")[0] == 220
            client.sock.sendall(b"EHLO in.clear.test\r\n" * 50)
            while is_open(client.sock):
                pass
            client.close()

        send(world, "bob@sim.test")

    def test_the_world_can_end_in_the_middle_of_a_handshake(self):
        with running(Options(dns_port=0, smtp_port=0, http_port=0)) as world:
            client = client_of(world)
            client.ehlo()
            client.docmd("STARTTLS")
        client.close()

    def test_it_answers_pipelined_transactions_in_order(self, world):
        transaction = b"MAIL FROM:<b+1@mta.test>\r\nRCPT TO:<%s@sim.test>\r\nDATA\r\n"
        with client_of(world) as client:
            client.ehlo()
            client.send(transaction % b"bob")
            assert [client.getreply()[0] for _ in range(3)] == [250, 250, 354]
            client.send(CONTENT + b".\r\n" + transaction % b"bounced")
            assert [client.getreply()[0] for _ in range(4)] == [250, 250, 550, 554]

    def test_the_second_exchanger_shares_the_mailboxes(self, world):
        try:
            client = client_of(world, "127.0.0.2")
        except OSError as error:
            assert error.errno != errno.ECONNREFUSED
            pytest.skip("this system has no 127.0.0.2")
        with client:
            client.sendmail("b+1@mta.test", ["bob@sim.test"], CONTENT)

        assert world.store.received == 1

    def test_an_oversized_message_is_refused(self, world):
        with client_of(world) as client:
            client.ehlo()
            client.mail("b+1@mta.test")
            client.rcpt("bob@sim.test")
            assert client.data(b"x\r\n" * 7_000_000)[0] == 552

    def test_a_connection_too_many_is_turned_away(self, start, monkeypatch):
        monkeypatch.setattr(exchanger, "MOST_CONNECTIONS", 0)

        with pytest.raises(smtplib.SMTPConnectError, match="421"):
            client_of(start())

    def test_a_silent_connection_is_dismissed(self, start, monkeypatch):
        monkeypatch.setattr(exchanger, "LOOK_EVERY", 0.01)
        monkeypatch.setattr(exchanger, "IDLE_AFTER", 0.02)

        with client_of(start()) as client:
            assert client.getreply()[0] == 421
            assert not is_open(client.sock)
            client.close()


def trusting_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_open(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1000))
    except ConnectionResetError:
        return False
