"""A scanner that is gone, hangs, and comes back: nothing is lost, and nothing passes it unseen."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from cloudmta.testing import House, eventually, free_ports
from messages.tests.scanner_driver import MAGIC, real_spamd

pytestmark = pytest.mark.xdist_group("scanners")


@pytest.fixture(scope="module")
def spamd_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def scanning_house(spamd_port) -> Iterator[House]:
    """A house that has been told of a spamd, at whose port nobody listens yet."""
    house = House(SPAMD_ADDRESS=f"127.0.0.1:{spamd_port}")
    try:
        house.open("simulator", "submission", "standard", "beat")
        house.open_web()
        yield house
    finally:
        house.close()


def submit(house: House, to: str, text: str = "It works.") -> str:
    message = house.message(to)
    message.set_content(f"{text}\n")
    return house.submit(message)


def look(house: House, message_id: str) -> tuple[str, str, bool]:
    """Return state and reply of the one recipient, and whether the message was scanned."""
    ((state, reply, is_scanned),) = house.sql(
        "SELECT state, reply, is_scanned FROM mail_recipient r JOIN mail_message m"
        " ON m.id = r.message_id WHERE m.id = %s",
        message_id,
    )
    return state, reply, is_scanned


def post(house: House, text: str) -> tuple[int, dict]:
    body = {
        "from": f"alice@{house.demo['sending_domain']}", "to": "delivered+rest@sim.test",
        "plain": text,
    }  # fmt: skip
    request = urllib.request.Request(
        f"{house.demo['api_url']}/{house.demo['smtp_username']}/messages",
        json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {house.demo['smtp_password']}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_whatever_the_scanner_does_no_check_is_lost(scanning_house, spamd_port, tmp_path):
    house = scanning_house
    order = submit(house, "delivered+dead@sim.test")
    spam = submit(house, "delivered+spam@sim.test", MAGIC)
    status, by_rest = post(house, "It works.")
    assert status == 202
    with socket.create_server(("127.0.0.1", spamd_port)):
        hung = submit(house, "delivered+hung@sim.test")
    waiting = [order, spam, hung, by_rest["id"]]

    held = ("held", "The spam scanner is away", False)
    eventually(lambda: all(look(house, one) == held for one in waiting))
    assert not house.received("delivered+dead@sim.test")

    with real_spamd(tmp_path, spamd_port):
        # They would be looked at again in half a minute.
        house.sql("UPDATE mail_recipient SET due_at = now() WHERE state = 'held'")
        for one in (order, hung, by_rest["id"]):
            eventually(lambda one=one: look(house, one)[::2] == ("delivered", True))
        eventually(lambda: look(house, spam)[::2] == ("blocked", True))
        ((kind, reason),) = house.sql(
            "SELECT kind, details->>'reason' FROM events_event WHERE message_id = %s", spam
        )
        assert (kind, reason) == ("blocked", "spam_content")
        assert not house.received("delivered+spam@sim.test")

        with pytest.raises(AssertionError, match=r"554.*5\.7\.1 Message refused: content scored"):
            submit(house, "delivered+seen@sim.test", MAGIC)
        assert post(house, MAGIC)[1]["code"] == "spam"
        passed = submit(house, "delivered+passed@sim.test")
        assert look(house, passed)[2]
    house.ledger()
