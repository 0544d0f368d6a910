"""Many of each process on one database, as on many machines, killed and added while mail flows.

The broker is RabbitMQ, which works by setting; the other tests run on Redis.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudmta.testing import House, answers, eventually, free_ports
from cloudmta.tests import rabbitmq
from cloudmta.tests.load import run
from cloudmta.tests.rabbitmq import RabbitMQ

pytestmark = [
    pytest.mark.xdist_group("scaling"),
    pytest.mark.skipif(
        not rabbitmq.PROGRAM.exists(), reason="RabbitMQ is missing: apt-get install rabbitmq-server"
    ),
]
# Recipients that one worker may hold at a time: so many second copies a kill may cause.
IN_FLIGHT = 1000


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    directory: Path = tmp_path_factory.mktemp("rabbitmq")
    broker = RabbitMQ(directory)
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def house(broker: RabbitMQ) -> Iterator[House]:
    house = House(RETRY_AFTER="1,2,4", CELERY_BROKER_URL=broker.url)
    try:
        house.open("simulator", "submission", "priority", "standard", "digest", "beat")
        yield house
    finally:
        house.close()


@pytest.fixture(scope="session")
def second_machine(house: House) -> None:
    smtp, smtps = free_ports(2)
    house.start(
        "submission", "submission 2", SUBMISSION_PORTS=str(smtp), SUBMISSION_TLS_PORTS=str(smtps)
    )
    for name in ("priority", "standard", "digest", "beat"):
        house.start(name, f"{name} 2")
    eventually(lambda: answers(smtps))
    eventually(lambda: "Another clock acts" in house.log("beat 2"))


def test_what_is_killed_or_added_while_mail_flows_loses_nothing(
    house: House, second_machine: None
) -> None:
    def damage() -> None:
        house.kill("standard 2")
        house.start("standard", "standard 3")
        house.kill("digest")
        house.start("digest", "digest 3")
        house.kill("standard", signal.SIGTERM)
        house.start("standard", "standard 4")

    assert run(house, "machines", damage) <= IN_FLIGHT


def test_workers_that_come_and_go_in_peace_send_nothing_twice(
    house: House, second_machine: None
) -> None:
    def damage() -> None:
        house.start("standard", "standard 5")
        house.kill("standard 5", signal.SIGTERM)

    assert run(house, "peace", damage) == 0


def test_when_the_clock_that_acts_dies_the_other_takes_over(
    house: House, second_machine: None
) -> None:
    assert "This clock acts" not in house.log("beat 2")

    house.kill("beat")

    eventually(lambda: "This clock acts" in house.log("beat 2"))
    # A retry is rung for by nobody but the clock.
    house.submit(house.message("greylisted+scaling@sim.test"))
    eventually(lambda: house.received("greylisted+scaling@sim.test"))
