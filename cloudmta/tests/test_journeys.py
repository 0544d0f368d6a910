"""The road of a message from end to end, every process real."""

import re
from email import message_from_bytes, policy

import dkim
import dns.resolver
import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.fates import events, settled, states

pytestmark = pytest.mark.xdist_group("house")


def test_a_message_is_signed_delivered_and_accounted_for(house: House) -> None:
    message = house.message("delivered+signed@sim.test", X_CloudMTA_Tags="welcome, first")

    message_id = house.submit(message)

    assert settled(house, message_id) == {"delivered+signed@sim.test": "delivered"}
    (captured,) = house.received("delivered+signed@sim.test")
    content = house.content(captured)
    assert verified(house, content)
    arrived = message_from_bytes(content, policy=policy.default)
    assert arrived["Subject"] == "Hello"
    assert arrived["Message-ID"] == f"<{message_id}@{house.demo['sending_domain']}>"
    assert "X-CloudMTA-Tags" not in arrived
    assert re.fullmatch(
        r"bounces\+[0-9a-f]{40}@mta\.demo\.cloudmta\.test", captured["reverse_path"]
    )
    assert events(house, message_id) == [("delivery", "delivered+signed@sim.test")]
    tallies = house.sql("SELECT tag, kind, count FROM events_tally WHERE tag = 'first'")
    assert sorted(tallies) == [("first", "accepted", 1), ("first", "delivery", 1)]


def verified(house: House, content: bytes) -> bool:
    """Verify as a receiver does: the key comes out of the DNS."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = house.dns_port

    def text(name: bytes, timeout: int = 5) -> bytes:
        (record,) = resolver.resolve(name.decode(), "TXT")
        return b"".join(record.strings)

    return dkim.verify(content, dnsfunc=text)


def test_the_content_arrives_byte_for_byte_but_for_our_fields(house: House) -> None:
    domain = house.demo["sending_domain"].encode()
    content = (
        b"Received: from somewhere by elsewhere; Mon, 23 Nov 2026 00:00:00 +0000\r\n"
        b"from: \"A.  Lice\"   <alice@" + domain + b">\r\n"
        b"Subject: folded\r\n\there  and\t there\r\n"
        b"Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n"
        b"Message-ID: <own@" + domain + b">\r\n"
        b"X-Twice: 1\r\nX-Twice: 2\r\n"
        b"Content-Type: multipart/signed; boundary=b\r\n"
        b"\r\n"
        b"--b\r\n\r\n.a dot\r\n..two dots\r\ntrailing blanks  \t\r\n\r\n\r\n--b--\r\n"
    )  # fmt: skip

    message_id = house.submit(content, "delivered+exact@sim.test")

    settled(house, message_id)
    (captured,) = house.received("delivered+exact@sim.test")
    arrived = house.content(captured)
    assert arrived.endswith(content)
    added = arrived.removesuffix(content)
    names = re.findall(rb"^([\w-]+):", added, re.MULTILINE)
    assert names == [b"DKIM-Signature", b"Received"]


def test_each_recipient_has_a_fate_of_its_own(house: House) -> None:
    to = ["delivered+fate@sim.test", "bounced+fate@sim.test", "greylisted+fate@sim.test"]

    message_id = house.submit(house.message(), *to)

    assert settled(house, message_id) == {
        "delivered+fate@sim.test": "delivered",
        "bounced+fate@sim.test": "bounced",
        "greylisted+fate@sim.test": "delivered",
    }
    assert sorted(events(house, message_id)) == [
        ("bounce", "bounced+fate@sim.test"),
        ("delivery", "delivered+fate@sim.test"),
        ("delivery", "greylisted+fate@sim.test"),
        ("soft_bounce", "greylisted+fate@sim.test"),
    ]


def test_an_attempt_keeps_what_was_said(house: House) -> None:
    message_id = house.submit(house.message("bounced+said@sim.test"))

    settled(house, message_id)
    ((number, exchanger, address, tls, reply, dialogue),) = house.sql(
        "SELECT number, exchanger, host(a.address), tls, a.reply, dialogue FROM mail_attempt a"
        " JOIN mail_recipient r ON r.id = recipient_id WHERE r.message_id = %s",
        message_id,
    )
    assert (number, exchanger, address, tls) == (1, "mx1.sim.test", "127.0.0.1", "TLSv1.3")
    assert reply.startswith("550 5.1.1")
    assert "C: RCPT TO:<bounced+said@sim.test>" in dialogue
    assert "S: 550 5.1.1" in dialogue


def test_a_domain_that_takes_no_mail_bounces_without_a_connection(house: House) -> None:
    message_id = house.submit(house.message("anyone@nullmx.sim.test"))

    assert settled(house, message_id) == {"anyone@nullmx.sim.test": "bounced"}
    ((reply,),) = house.sql("SELECT reply FROM mail_recipient WHERE message_id = %s", message_id)
    assert reply == "556 5.1.10 The domain nullmx.sim.test does not accept mail"


def test_a_domain_that_does_not_exist_is_looked_for_twice(house: House) -> None:
    message_id = house.submit(house.message("anyone@nxdomain.sim.test"))

    eventually(lambda: states(house, message_id) == {"anyone@nxdomain.sim.test": "deferred"})
    house.sql("UPDATE mail_recipient SET due_at = now() WHERE message_id = %s", message_id)
    assert settled(house, message_id) == {"anyone@nxdomain.sim.test": "bounced"}


@pytest.mark.parametrize("domain", ["servfail.sim.test", "deadmx.sim.test"])
def test_trouble_of_the_destination_defers(house: House, domain: str) -> None:
    message_id = house.submit(house.message(f"anyone@{domain}"))

    eventually(lambda: states(house, message_id) == {f"anyone@{domain}": "deferred"})
    assert ("soft_bounce", f"anyone@{domain}") in events(house, message_id)


def test_a_lost_reply_is_told_and_tried_again_much_later(house: House) -> None:
    message_id = house.submit(house.message("drop-after-dot+lost@sim.test"))

    eventually(lambda: "deferred" in states(house, message_id).values())
    ((details, distance),) = house.sql(
        "SELECT details, extract(epoch FROM r.due_at - e.timestamp) FROM events_event e"
        " JOIN mail_recipient r ON r.message_id = e.message_id WHERE e.message_id = %s",
        message_id,
    )
    assert details["may_have_arrived"] is True
    assert distance >= 900
    assert len(house.received("drop-after-dot+lost@sim.test")) == 1


def test_a_slow_receiver_does_not_delay_others(house: House) -> None:
    slow = house.submit(house.message("slow+one@sim.test"))
    fast = house.submit(house.message("delivered+fast@nomx.sim.test"))  # another site

    assert settled(house, fast) == {"delivered+fast@nomx.sim.test": "delivered"}
    assert settled(house, slow) == {"slow+one@sim.test": "delivered"}
    times = dict(house.sql("SELECT message_id::text, settled_at FROM mail_recipient"))
    assert times[fast] < times[slow]


def test_priority_overtakes_what_waits(house: House) -> None:
    # At a site of their own, or all tests behind this one would wait for the crowd too.
    for number in range(50):
        house.submit(house.message(f"slow+crowd{number}@nomx.sim.test"))

    urgent = house.submit(
        house.message("delivered+urgent@nomx.sim.test", X_CloudMTA_Class="priority")
    )

    settled(house, urgent)
    waiting = house.sql(
        "SELECT count(*) FROM mail_recipient"
        " WHERE address LIKE 'slow+crowd%%' AND state <> 'delivered'"
    )
    assert waiting[0][0] > 0


def test_the_books_add_up(house: House) -> None:
    message_id = house.submit(house.message("delivered+books@sim.test"))
    settled(house, message_id)

    books = house.ledger()

    assert books["accepted"] == books["open"] + books["final"] > 0
