"""A receiver that takes every message, slowly, and counts who is connected."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import cast


class Receiver:
    """What came, and over how many connections at a time."""

    def __init__(self, delay: float) -> None:
        self.delay = delay  # seconds before each reply: so all that may be open is in use
        self.port = 0
        self.recipients: list[str] = []
        self.open: set[asyncio.Transport] = set()
        self.most_open = 0


class Conversation(asyncio.Protocol):
    """One connection, without pipelining."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.is_content = False
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.receiver.open.add(self.transport)
        self.receiver.most_open = max(self.receiver.most_open, len(self.receiver.open))
        self.say("220 mx.limited.test")

    def connection_lost(self, error: Exception | None) -> None:
        self.receiver.open.discard(self.transport)

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
        loop.call_later(self.receiver.delay, self.transport.write, f"{reply}\r\n".encode())


@contextmanager
def receiving(host: str, port: int = 0, delay: float = 0.001) -> Iterator[Receiver]:
    """Run one on a thread of its own; it has a port when the block begins."""
    receiver = Receiver(delay)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        async with await loop.create_server(lambda: Conversation(receiver), host, port) as server:
            receiver.port = server.sockets[0].getsockname()[1]
            started.set_result((loop, over))
            await over.wait()
        for transport in list(receiver.open):
            transport.abort()
        while receiver.open:
            await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, over = started.result(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
