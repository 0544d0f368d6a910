"""Kill what can be killed, under load: nothing is lost, and second copies are counted.

Each test submits a known number of messages, does its damage meanwhile, and then compares what
was answered with what the world received and with the books.
"""

import signal

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.load import run
from messages.tests.bounce_client import client, report, stored, submitted, tokens

__all__ = ["tokens"]

pytestmark = pytest.mark.xdist_group("crashes")

# Recipients that one worker may hold at a time (messages.delivery.MAX_IN_FLIGHT): so many second
# copies a kill may cause, at the most.
IN_FLIGHT = 1000


@pytest.fixture(scope="module")
def house(crash_house: House) -> House:
    return crash_house


def test_a_killed_worker_loses_nothing(house: House) -> None:
    def damage() -> None:
        for _ in range(3):
            house.kill("standard")
            house.start("standard")

    assert run(house, "worker", damage) <= IN_FLIGHT


def test_a_killed_door_loses_nothing_that_it_answered(house: House) -> None:
    def damage() -> None:
        for _ in range(2):
            house.kill("submission")
            house.open("submission")

    run(house, "door", damage)


def test_a_killed_child_of_the_door_is_replaced(house: House) -> None:
    def damage() -> None:
        for child in house.children("submission"):
            child.kill()

    run(house, "child", damage)


def test_redis_may_forget_everything(house: House) -> None:
    run(house, "flushed", house.flush_redis)


def test_redis_may_die_and_come_back(house: House) -> None:
    def damage() -> None:
        house.services.kill("redis")
        house.services.start("redis")

    run(house, "redis", damage)


def test_postgresql_may_die_and_come_back(house: House) -> None:
    def damage() -> None:
        house.services.kill("postgres")
        house.services.start("postgres")

    run(house, "postgres", damage)


def test_the_bounce_door_takes_nothing_while_postgresql_is_away(house: House, tokens) -> None:
    _, recipient_id = submitted(house, "delivered+away@sim.test")
    address = tokens.of(recipient_id)
    with client(house) as server:
        server.helo()
        server.mail("")
        server.rcpt(address)
        house.services.kill("postgres")

        assert server.data(b"Subject: x\r\n\r\n")[0] == 451
        server.mail("")
        assert server.rcpt(address)[0] == 451

        house.services.start("postgres")
        eventually(lambda: report(house, address, b"Subject: x\r\n\r\n") == 250)
    assert stored(house, recipient_id) == [("", 14)]


def test_a_worker_that_is_told_to_stop_sends_nothing_twice(house: House) -> None:
    def damage() -> None:
        house.kill("standard", signal.SIGTERM)
        house.start("standard")

    assert run(house, "stopped", damage) == 0
