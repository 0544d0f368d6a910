"""Speak to the bounce door as other servers do, and look at what it has stored."""

import smtplib
import socket
from typing import Any

import pytest

from cloudmta.testing import PATIENCE, House
from messages import bounce_address

MTA_DOMAIN = "mta.demo.cloudmta.test"


def submitted(house: House, to: str) -> tuple[str, int]:
    """Submit a message of Alice's; return its id and that of its recipient."""
    message_id = house.submit(house.message(to))
    ((recipient_id,),) = house.sql(
        "SELECT id FROM mail_recipient WHERE message_id = %s", message_id
    )
    return message_id, recipient_id


class Tokens:
    """Writes addresses with the very key of a house."""

    def __init__(self, house: House, settings: Any) -> None:
        settings.SECRET_KEY = (house.directory / "secret_key").read_text().strip()

    def of(self, recipient_id: int, mta_domain: str = MTA_DOMAIN) -> str:
        return bounce_address.of(recipient_id, mta_domain)


@pytest.fixture
def tokens(house: House, settings: Any) -> Tokens:
    return Tokens(house, settings)


def client(house: House, source: str = "127.0.0.1") -> smtplib.SMTP:
    """Return another server's connection to the door."""
    return smtplib.SMTP(
        "127.0.0.1", house.bounces_port, "mx1.sim.test", PATIENCE, source_address=(source, 0)
    )


def report(house: House, address: str, content: bytes, reverse_path: str = "") -> int:
    """Hand in a report; return the code of the reply that ended it."""
    with client(house) as connection:
        connection.helo()
        for reply in (connection.mail(reverse_path), connection.rcpt(address)):
            if reply[0] != 250:
                return reply[0]
        return connection.data(content)[0]


def stored(house: House, recipient_id: int) -> list[tuple[str, int]]:
    """Return reverse-path and size of the reports for a recipient."""
    return house.sql(
        "SELECT reverse_path, size FROM mail_incomingreport WHERE recipient_id = %s ORDER BY id",
        recipient_id,
    )


class Wire:
    """A connection that says octets and reads lines."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.close()
        self.socket.close()

    def read(self, count: int) -> list[str]:
        """Return so many lines; the end of the connection is told as the dialogues do."""
        lines = (self._reader.readline().decode().rstrip() for _ in range(count))
        return [line or "<closes the connection>" for line in lines]

    def rest(self) -> bytes:
        """Say no more, and return what comes until the end."""
        self.socket.shutdown(socket.SHUT_WR)
        return self._reader.read()
