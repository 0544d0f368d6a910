"""PostgreSQL refuses, or hangs: the doors say 451 or 503, never 250 or 202, and live on."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.breaking import DISK_FULL, read_only, trigger
from cloudmta.tests.fates import settled, states
from messages.tests.bounce_client import client as bounce_client
from messages.tests.bounce_client import submitted, tokens

__all__ = ["tokens"]

pytestmark = pytest.mark.xdist_group("crashes")

AWAY = 451, b"4.3.0 Temporary failure, try again"


@pytest.fixture(scope="module")
def house(crash_house: House) -> House:
    crash_house.open_web()
    return crash_house


def submit_by_smtp(house: House, connection: smtplib.SMTP, address: str) -> tuple[int, bytes]:
    """Hand a message in over a connection that stays; return the reply that decided on it."""
    sender = f"alice@{house.demo['sending_domain']}"
    for ask, mailbox in ((connection.mail, sender), (connection.rcpt, address)):
        reply = ask(mailbox)
        if reply[0] != 250:
            return reply
    return connection.data(house.message(address).as_bytes())


def submit_by_rest(house: House, address: str) -> int:
    """Post a message, and return the status of the answer."""
    demo = house.demo
    connection = http.client.HTTPConnection("127.0.0.1", house.web_port, timeout=60)
    message = {"from": f"alice@{demo['sending_domain']}", "to": address, "plain": "It works."}
    headers = {
        "Authorization": f"Bearer {demo['smtp_password']}", "Content-Type": "application/json",
    }  # fmt: skip
    path = f"/api/v0.1/{demo['smtp_username']}/messages"
    connection.request("POST", path, json.dumps(message), headers)
    status = connection.getresponse().status
    connection.close()
    return status


@contextmanager
def doors_that_come_back(house: House, label: str) -> Iterator[smtplib.SMTP]:
    """Give a connection, which must take mail afterwards; what was refused must not be there."""
    address = f"delivered+{label}@sim.test"
    with house.smtp() as connection:
        assert submit_by_smtp(house, connection, address)[0] == 250
        yield connection
        assert house.sql("SELECT count(*) FROM mail_recipient WHERE address = %s", address) == [
            (1,)
        ]

        # Each process has to see that its old connection is of no use.
        eventually(lambda: submit_by_smtp(house, connection, address)[0] == 250)
    eventually(lambda: submit_by_rest(house, address) == 202)
    eventually(lambda: len(house.received(address)) == 3)
    house.ledger()


@pytest.mark.parametrize("when", ["IMMEDIATE", "DEFERRED"])
def test_on_a_full_disk_nothing_is_taken(house: House, when: str) -> None:
    address = f"delivered+full-{when}@sim.test"
    full = trigger(house, "mail_message", DISK_FULL, when)
    with doors_that_come_back(house, f"full-{when}") as connection, full:
        assert submit_by_smtp(house, connection, address) == AWAY
        assert submit_by_rest(house, address) == 503


def test_reports_are_not_taken_on_a_full_disk(house: House, tokens) -> None:
    _, recipient_id = submitted(house, "delivered+full-report@sim.test")
    with bounce_client(house) as server:
        server.helo()
        with trigger(house, "mail_incomingreport", DISK_FULL, "DEFERRED"):
            server.mail("")
            server.rcpt(tokens.of(recipient_id))
            assert server.data(b"Subject: x\r\n\r\n")[0] == 451

        server.mail("")
        server.rcpt(tokens.of(recipient_id))
        assert server.data(b"Subject: x\r\n\r\n")[0] == 250


def test_who_may_only_read_takes_nothing(house: House) -> None:
    address = "delivered+read-only@sim.test"
    with doors_that_come_back(house, "read-only") as connection, read_only(house):
        eventually(lambda: submit_by_smtp(house, connection, address) == AWAY)
        assert submit_by_rest(house, address) == 503


def test_what_was_delivered_is_written_when_it_can_be_and_not_sent_again(house: House) -> None:
    address = "delivered+unwritten@sim.test"
    # No other worker takes digests. It must know of the domain's policy, which is kept in
    # PostgreSQL: without having asked there it sends nothing.
    first = house.submit(house.message("delivered+first@sim.test", X_CloudMTA_Class="digest"))
    settled(house, first)
    with house.paused("simulator"):
        message_id = house.submit(house.message(address, X_CloudMTA_Class="digest"))
        eventually(lambda: states(house, message_id) == {address: "leased"})
        unwritable = read_only(house)
        unwritable.__enter__()
    try:
        eventually(lambda: house.received(address))
        told = complaints(house)
        # Claims complain as well, but less often.
        eventually(lambda: complaints(house) > told + 3)
    finally:
        unwritable.__exit__(None, None, None)

    assert settled(house, message_id) == {address: "delivered"}
    assert len(house.received(address)) == 1
    assert house.sql("SELECT attempt_count FROM mail_recipient WHERE address = %s", address) == [
        (1,)
    ]


def complaints(house: House) -> int:
    return house.log("digest").count("PostgreSQL does not answer: ")


def test_a_database_that_hangs_keeps_nobody_waiting_for_ever(house: House, tokens) -> None:
    _, recipient_id = submitted(house, "delivered+hung-report@sim.test")
    address = "delivered+hung@sim.test"
    with (
        doors_that_come_back(house, "hung") as connection,
        bounce_client(house) as server,
        house.smtp(log_in=False) as stranger,
    ):
        server.helo()
        server.mail("")
        with house.paused("postgres"):
            assert submit_by_smtp(house, connection, address) == AWAY
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                stranger.login(house.demo["smtp_username"], house.demo["smtp_password"])
            assert refused.value.smtp_code == 454
            assert submit_by_rest(house, address) == 503
            assert server.rcpt(tokens.of(recipient_id))[0] == 451
