"""Submit a load and note what was answered; a process of its own, so that its CPU stands apart.

Reads an `Order` as JSON from standard input, writes a `Log` as JSON to standard output. SIGTERM
ends the load early and in order.
"""

import asyncio
import gc
import json
import resource
import signal
import ssl
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field

import uvloop

from benchmarks.client import Client, Connection, Letter, Login
from benchmarks.rest_client import Request, RestClient, request_of
from benchmarks.scenarios import Load

# Seconds before a connection is tried again, and that open ones get when the load is over.
RECONNECT_AFTER, FAREWELL = 0.2, 60.0
LINE = b"All that follows is ballast, so that the message has its size: 0123456789abcd\r\n"


@dataclass(frozen=True)
class Order:
    """What to submit, where, and as whom."""

    load: Load
    host: str
    port: int
    username: str
    password: str
    ca_file: str
    sender: str
    api_port: int
    run: str  # in each Message-ID, so that no two runs share one


@dataclass
class Log:
    """What happened. Times are those of the wall clock, in seconds."""

    submitted: int = 0  # messages that were begun
    started_at: float = 0.0  # of the first message
    ended_at: float = 0.0  # of the last reply
    cpu_seconds: float = 0.0  # of this process, from the first connection to the last
    ids: list[str] = field(default_factory=list)  # as answered, with the two that follow
    replied_at: list[float] = field(default_factory=list)
    reply_seconds: list[float] = field(default_factory=list)  # from the final dot to its reply
    failures: Counter[str] = field(default_factory=Counter)  # replies of any other kind


def main() -> None:
    """Do what standard input orders."""
    order = json.load(sys.stdin)
    load = Load(**order.pop("load"))
    gc.disable()  # a bounded life, without cycles
    log = uvloop.run(Generator(Order(load=load, **order)).run())
    json.dump(asdict(log), sys.stdout)


class Generator:
    """The connections of one load, and whose turn it is."""

    def __init__(self, order: Order) -> None:
        self.log = Log()
        self._order = order
        self._load = order.load
        self._login = login_of(order)
        self._press = Press(order) if order.load.door == "smtp" else RestPress(order)
        self._clients: set[Client | RestClient] = set()
        self._idle: deque[Connection] = deque()
        self._due = 0  # messages of an open loop that wait for a connection
        self._is_over = False

    async def run(self) -> Log:
        """Submit it all."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._finish)
        timer = loop.call_later(self._load.seconds, self._finish)
        before = cpu_seconds()
        slots = [asyncio.create_task(self._slot()) for _ in range(self._load.connections)]
        ticking = asyncio.create_task(self._tick()) if self._load.rate else None
        _, late = await asyncio.wait(slots, timeout=self._load.seconds + FAREWELL)
        if late:
            self.failed(b"no reply in time")
        for client in self._clients:
            client.abort()
        timer.cancel()
        if ticking:
            ticking.cancel()
        self.log.cpu_seconds = cpu_seconds() - before
        return self.log

    async def _slot(self) -> None:
        """Keep one connection, by whatever number of them."""
        while not self._is_over:
            try:
                client = await self._connect()
            except OSError as error:
                self.failed(repr(error).encode())
                await asyncio.sleep(RECONNECT_AFTER)
                continue
            self._clients.add(client)
            went_well = await client.closed
            self._clients.discard(client)
            if not went_well:
                await asyncio.sleep(RECONNECT_AFTER)

    async def _connect(self) -> Client | RestClient:
        loop = asyncio.get_running_loop()
        client: Client | RestClient
        if self._load.door == "smtp":
            client, port = Client(self._login, self), self._login.port
        else:
            client, port = RestClient(self), self._order.api_port
        await loop.create_connection(lambda: client, self._login.host, port)
        return client

    async def _tick(self) -> None:
        """Make messages due at their times, come what may."""
        loop = asyncio.get_running_loop()
        assert self._load.rate
        start, number = loop.time(), 0
        while not self._is_over:
            number += 1
            await asyncio.sleep(max(start + number / self._load.rate - loop.time(), 0))
            self._due += 1
            if self._idle:
                self.free(self._idle.popleft())

    def _finish(self) -> None:
        """Begin no further message."""
        self._is_over = True
        while self._idle:
            self._idle.popleft().quit()

    # --- what clients report ---

    def free(self, client: Connection) -> None:
        if self._is_over:
            client.quit()
        elif self._load.rate and not self._due:
            self._idle.append(client)
        else:
            self._due -= 1
            self._begin(client)

    def _begin(self, client: Connection) -> None:
        if not self.log.submitted:
            self.log.started_at = time.time()
        client.begin(self._press.letter(self.log.submitted))
        self.log.submitted += self._load.batch
        if self.log.submitted >= self._load.messages:
            self._finish()

    def answered(self, client: Connection, ids: list[str], reply: bytes, seconds: float) -> None:
        self.log.ended_at = time.time()
        self.log.ids += ids
        self.log.replied_at += [self.log.ended_at] * len(ids)
        self.log.reply_seconds += [seconds] * len(ids)
        if len(ids) != self._load.batch:
            self.failed(reply)
        if self._load.reconnect:
            client.quit()
        else:
            self.free(client)

    def failed(self, reply: bytes) -> None:
        self.log.failures[reply.decode(errors="replace")] += 1


def login_of(order: Order) -> Login:
    """Return where to log in; the certificate is verified as applications do."""
    tls = ssl.create_default_context(cafile=order.ca_file) if order.load.tls else None
    return Login(order.host, order.port, order.username, order.password, tls)


class Press:
    """Prints letters: all that they share is made once."""

    def __init__(self, order: Order) -> None:
        load = order.load
        self._load = load
        self._message_id = f"Message-ID: <{order.run}.%d@generator.test>\r\n".encode()
        self._mail = f"MAIL FROM:<{order.sender}>\r\n".encode()
        self._address = f"{load.local_part}+%d@%s"
        self._contents = [content_of(order, name) for name in load.classes]

    def letter(self, number: int) -> Letter:
        """Return the letter of a number, counted from 0."""
        count = self._load.recipients
        envelope = [self._mail]
        for recipient in range(number * count, (number + 1) * count):
            address = self._address % (recipient, domain_of(recipient, self._load.domains))
            envelope.append(b"RCPT TO:<%s>\r\n" % address.encode())
        envelope.append(b"DATA\r\n")
        content = self._contents[number % len(self._contents)]
        return Letter(b"".join(envelope), count + 2, self._message_id % number + content)


class RestPress:
    """Prints requests, of one message or of a batch."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._load = order.load
        kind = "messages/batch" if order.load.batch > 1 else "messages"
        self._path = f"/api/v0.1/{order.username}/{kind}"
        self._text = LINE.decode().replace("\r\n", "\n") * max(order.load.size // len(LINE), 1)

    def letter(self, number: int) -> Request:
        """Return the request whose first message has this number, counted from 0."""
        order, batch = self._order, self._load.batch
        return request_of(
            f"{order.host}:{order.api_port}",
            self._path,
            order.password,
            [self._message(one) for one in range(number, number + batch)],
            is_batch=batch > 1,
        )

    def _message(self, number: int) -> dict[str, object]:
        count = self._load.recipients
        return {
            "from": self._order.sender,
            "to": [
                f"{self._load.local_part}+{one}@{domain_of(one, self._load.domains)}"
                for one in range(number * count, (number + 1) * count)
            ],
            "subject": "Your order has left our house",
            "plain": self._text,
            "priority": self._load.classes[number % len(self._load.classes)],
            "headers": {"Message-ID": f"<{self._order.run}.{number}@generator.test>"},
        }


def content_of(order: Order, message_class: str) -> bytes:
    """Return a message of the size that is asked for, without Message-ID, with the final dot."""
    head = (
        f"From: Benchmark <{order.sender}>\r\n"
        "To: Somebody <somebody@sim.test>\r\n"
        "Subject: Your order has left our house\r\n"
        "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"x-cloudmta-class: {message_class}\r\n"
        "\r\n"
    ).encode()
    lines = max((order.load.size - len(head)) // len(LINE), 1)
    return head + LINE * lines + b".\r\n"


def domain_of(number: int, domains: int) -> str:
    """Return the domain of a recipient, every one of them in turn."""
    return f"d{number % domains}.sim.test"


def cpu_seconds() -> float:
    """Return the CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
