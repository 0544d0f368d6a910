"""A Redis that dies and comes back empty, while several workers share the limit of a site."""

import signal
from collections.abc import Iterator

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.test_doctor import publish
from messages.tests.slow_receiver import Receiver, receiving

pytestmark = pytest.mark.xdist_group("crashes")

HOST, DOMAIN = "127.0.0.5", "limited.test"
LIMIT = 3  # connections, of all workers together
MESSAGES, RECIPIENTS = 40, 20


@pytest.fixture
def receiver(crash_house: House) -> Iterator[Receiver]:
    """A receiver of its own that the house's DNS knows, with a limit that staff has given."""
    house = crash_house
    publish(house, f"mx.{DOMAIN}", "A", HOST)
    publish(house, DOMAIN, "MX", f"10 mx.{DOMAIN}.")
    house.sql(
        "INSERT INTO mail_siteoverride (suffix, connections, note) VALUES (%s, %s, '')",
        DOMAIN, LIMIT,
    )  # fmt: skip
    with receiving(HOST, house.exchanger_port, delay=0.01) as receiver:
        yield receiver
    house.sql("DELETE FROM mail_siteoverride")


def test_the_limit_of_a_site_holds_over_a_restart(crash_house: House, receiver: Receiver) -> None:
    house = crash_house
    for name in ("standard", "digest"):
        house.kill(name, signal.SIGTERM)
    addresses = [f"r{number}@{DOMAIN}" for number in range(MESSAGES * RECIPIENTS)]
    for first in range(0, len(addresses), RECIPIENTS):
        house.submit(house.message(), *addresses[first : first + RECIPIENTS])
    # Whoever begins now knows what staff has decided.
    for alias in ("standard", "standard beside", "digest"):
        house.start(alias.split()[0], alias)

    eventually(lambda: len(receiver.recipients) > 50)
    house.services.kill("redis")
    before = len(receiver.recipients)
    eventually(lambda: len(receiver.recipients) > before + 50)
    house.services.start("redis")
    eventually(lambda: len(receiver.recipients) == len(addresses), seconds=90)

    assert sorted(receiver.recipients) == sorted(addresses)
    assert receiver.most_open <= LIMIT
    house.kill("standard beside", signal.SIGTERM)
    house.ledger()
