"""Kill what can be killed, under load: nothing is lost, and second copies are counted.

Each test submits a known number of messages, does its damage meanwhile, and then compares what
was answered with what the world received and with the books.
"""

import signal
import smtplib
import threading
from collections.abc import Callable, Iterator

import pytest

from cloudmta.testing import House, eventually
from messages.tests.bounce_client import client, report, stored, submitted, tokens

__all__ = ["tokens"]

pytestmark = pytest.mark.xdist_group("crashes")

MESSAGES = 300
CLIENTS = 4
# Recipients that one worker may hold at a time (messages.delivery.MAX_IN_FLIGHT): so many second
# copies a kill may cause, at the most.
IN_FLIGHT = 1000


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House(RETRY_AFTER="1,2,4")
    try:
        house.open()
        yield house
    finally:
        house.close()


class Load:
    """Clients that submit messages and, as real ones do, try again what was not answered 250."""

    def __init__(self, house: House, label: str) -> None:
        self.house = house
        self.label = label
        self.answered: set[str] = set()  # recipients whose message got its 250
        self.half = threading.Event()  # set when half of all were answered
        self._numbers = iter(range(MESSAGES))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=120)
            assert not thread.is_alive()
        assert len(self.answered) == MESSAGES

    def _client(self) -> None:
        connection: smtplib.SMTP | None = None
        while (number := self._next()) is not None:
            recipient = f"{self.label}+{number}@sim.test"
            connection = self._submit_until_answered(connection, recipient)
        if connection:
            connection.close()

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _submit_until_answered(
        self, connection: smtplib.SMTP | None, recipient: str
    ) -> smtplib.SMTP:
        def submit() -> smtplib.SMTP | None:
            nonlocal connection
            try:
                connection = connection or self.house.smtp()
                connection.send_message(self.house.message(recipient))
            except (OSError, smtplib.SMTPException):
                if connection:
                    connection.close()
                connection = None
            return connection

        used = eventually(submit)
        with self._lock:
            self.answered.add(recipient)
            if len(self.answered) == MESSAGES // 2:
                self.half.set()
        return used


def run(house: House, label: str, damage: Callable[[], None]) -> int:
    """Submit under load, do the damage halfway, and return the number of second copies."""
    before = house.stats()["duplicates"]
    load = Load(house, label)
    load.start()
    assert load.half.wait(timeout=120)
    damage()
    load.join()

    def all_settled() -> bool:
        ((open_count,),) = house.sql(
            "SELECT count(*) FROM mail_recipient WHERE due_at IS NOT NULL AND address LIKE %s",
            f"{label}+%",
        )
        return not open_count

    eventually(all_settled, seconds=90)
    arrived = house.sql(
        "SELECT DISTINCT address FROM mail_recipient WHERE state = 'delivered' AND address LIKE %s",
        f"{label}+%",
    )
    lost = load.answered - {address for (address,) in arrived}
    assert lost == set()
    for recipient in load.answered:
        assert house.received(recipient), f"{recipient} is settled, and nobody received it"
    house.ledger()
    return int(house.stats()["duplicates"]) - before


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
