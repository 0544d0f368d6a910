"""Submit under load, do damage meanwhile, and compare what was answered with what arrived."""

import smtplib
import threading
from collections.abc import Callable

from cloudmta.testing import House, eventually

MESSAGES = 300
CLIENTS = 4


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
