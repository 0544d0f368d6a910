"""`python -m benchmarks.distance`: messages a second to a receiver that is 50 ms away.

One site of the engine with five connections, as the receiver allows, against five threads of
Python's smtplib, each with a new connection for each message and a wait for each reply.
"""

import asyncio
import os
import queue
import smtplib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import django
from django.test.utils import override_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
django.setup()

# Models can be imported only now.
from accounts.message_class import MessageClass  # noqa: E402
from cloudmta.embedded import ThrowAway, redis_url  # noqa: E402
from messages.exchangers import Directory, Exchangers  # noqa: E402
from messages.jobs import Job  # noqa: E402
from messages.shaping.shaper import Shaper  # noqa: E402
from messages.site_override import SiteOverride  # noqa: E402
from messages.sites import Sites  # noqa: E402
from messages.smtp.client import Letter, Transaction  # noqa: E402

ROUND_TRIP = 0.05  # seconds
CONNECTIONS = 5
CONTENT = b"Subject: Hi\r\n\r\n" + b"A line of ordinary length, as long as this one.\r\n" * 200
OURS, THEIRS = 3_000, 200  # messages; the other client takes its time
LIMIT_SECONDS = 300


class Receiver(asyncio.Protocol):
    """Takes everything; each reply comes a round trip after what it answers."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.loop = asyncio.get_running_loop()
        self.buffer = b""
        self.in_content = False
        # One round trip for TCP itself, and one for the greeting.
        self.loop.call_later(2 * ROUND_TRIP, self.say, b"220 far.example\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        replies = b""
        while True:
            end = b"\r\n.\r\n" if self.in_content else b"\r\n"
            piece, found, rest = self.buffer.partition(end)
            if not found:
                break
            self.buffer = rest
            replies += self.reply(piece[:4].upper())
        if replies:
            self.loop.call_later(ROUND_TRIP, self.say, replies)

    def reply(self, verb: bytes) -> bytes:
        if self.in_content:
            self.in_content = False
            Receiver.taken += 1
            return b"250 Ok\r\n"
        if verb == b"EHLO":
            return b"250-far.example\r\n250 PIPELINING\r\n"
        if verb == b"QUIT":
            return b"221 Bye\r\n"
        self.in_content = verb == b"DATA"
        return b"354 Go on\r\n" if self.in_content else b"250 Ok\r\n"

    def say(self, what: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(what)


def receiver_port() -> int:
    """Run the receiver in a thread of its own, for as long as the process lives."""
    ports: queue.Queue[int] = queue.Queue()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    return ports.get(timeout=LIMIT_SECONDS)


class Near(Directory):
    """Knows where the far receiver is, without DNS."""

    def __init__(self) -> None:
        pass

    async def addresses(self, host: str) -> list[str]:
        return ["127.0.0.1"]


async def ours(number: int) -> float:
    """Send over one site of the engine; return the seconds that took."""
    shaper = Shaper(f"distance-{os.getpid()}")
    # One more is for priority, and none of this is.
    limits = SiteOverride(
        suffix="far.example", connections=CONNECTIONS + 1, connections_per_minute=6000
    )
    shaper.book.update([limits])
    site = Sites(Near(), shaper).get(Exchangers((("far.example",),)))
    ended: list[Job] = []
    all_ended = asyncio.Event()

    def done(job: Job) -> None:
        ended.append(job)
        if len(ended) == number:
            all_ended.set()

    letter, began = Letter.of(CONTENT), time.monotonic()
    for one in range(number):
        transaction = Transaction("b@mta.alices.example", f"r{one}@far.example", letter)
        site.room.submit(Job(transaction, MessageClass.STANDARD, done))
    site.dispatch()
    async with asyncio.timeout(LIMIT_SECONDS):
        await all_ended.wait()
    took = time.monotonic() - began
    site.close()
    await shaper.close()
    assert all(job.transaction.verdict and job.transaction.verdict.is_positive for job in ended)
    return took


def theirs(number: int, port: int) -> float:
    """Send by smtplib; return the seconds that took."""

    def one(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=LIMIT_SECONDS) as client:
            client.sendmail("a@alices.example", f"r{number}@far.example", CONTENT)

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(one, range(number)))
    return time.monotonic() - began


def main() -> None:
    """Measure both in one run, and say what came of it."""
    services = ThrowAway()
    try:
        port = receiver_port()
        with override_settings(REDIS_URL=redis_url(services.directory), EXCHANGER_PORT=port):
            our_rate = OURS / asyncio.run(ours(OURS))
        their_rate = THEIRS / theirs(THEIRS, port)
    finally:
        services.stop()
    assert Receiver.taken == OURS + THEIRS
    print(
        f"{ROUND_TRIP * 1000:.0f} ms away, {CONNECTIONS} connections: {our_rate:,.0f} msg/s;"
        f" smtplib, no reuse and no pipelining, {their_rate:,.1f} msg/s:"
        f" {our_rate / their_rate:.1f} times"
    )


if __name__ == "__main__":
    main()
