"""A Redis that dies and comes back empty, while several workers share the limit of a site."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import cast

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.test_doctor import publish

pytestmark = pytest.mark.xdist_group("crashes")

HOST, DOMAIN = "127.0.0.5", "limited.test"
LIMIT = 3  # connections, of all workers together
MESSAGES, RECIPIENTS = 40, 20
# Seconds that each answer takes: so all connections that there may be are in use.
DELAY = 0.01


class Receiver:
    """Takes every message, slowly, and counts connections."""

    def __init__(self) -> None:
        self.recipients: list[str] = []
        self.open = self.most_open = 0


class Conversation(asyncio.Protocol):
    """One connection, without pipelining."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.is_content = False
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.receiver.open += 1
        self.receiver.most_open = max(self.receiver.most_open, self.receiver.open)
        self.say("220 mx.limited.test")

    def connection_lost(self, error: Exception | None) -> None:
        self.receiver.open -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\r\n")
        for line in lines:
            self.read(line.decode())

    def read(self, line: str) -> None:
        if self.is_content:
            if line == ".":
                self.is_content = False
                self.receiver.recipients.append(self.recipient)
                self.say("250 Ok")
            return
        if line.startswith("RCPT TO:"):
            self.recipient = line.removeprefix("RCPT TO:<").rstrip(">")
        self.is_content = line == "DATA"
        self.say("354 Go on" if self.is_content else "250 mx.limited.test")

    def say(self, reply: str) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(DELAY, self.transport.write, f"{reply}\r\n".encode())


@pytest.fixture
def receiver(crash_house: House) -> Iterator[Receiver]:
    """A receiver of its own that the house's DNS knows, with a limit that staff has given."""
    house, receiver = crash_house, Receiver()
    publish(house, f"mx.{DOMAIN}", "A", HOST)
    publish(house, DOMAIN, "MX", f"10 mx.{DOMAIN}.")
    house.sql(
        "INSERT INTO mail_siteoverride (suffix, connections, note) VALUES (%s, %s, '')",
        DOMAIN, LIMIT,
    )  # fmt: skip
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with await loop.create_server(
            lambda: Conversation(receiver), HOST, house.exchanger_port
        ):
            started.set_result((loop, over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, over = started.result(10)
    yield receiver
    loop.call_soon_threadsafe(over.set)
    thread.join()
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
