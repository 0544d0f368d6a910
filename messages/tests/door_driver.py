"""A door without an application behind it: real sockets, and an answer when the test wants it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

from messages import certificates
from messages.door import DoorSession, Listener
from messages.smtp.replies import Reply
from messages.smtp.server import Content, Data, Oversized, ServerConfig

OK = Reply(250, "2.0.0", "Ok")
ENVELOPE = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
MEBIBYTE = 1024 * 1024


class Porter(DoorSession):
    """Takes everything, contents only when the test lets him."""

    def answer(self, event):
        match event:
            case Data():
                self.respond(Reply(354, "", "Go on"))
            case Content() | Oversized():
                self.listener.waiting.append(self)
            case _:
                self.respond(OK)


class House:
    """A listener with one port for STARTTLS and one for TLS from the start."""

    def __init__(self) -> None:
        config = ServerConfig("mx.example.com", MEBIBYTE, starttls=True)
        self.listener = Listener(config, certificates.server_context())
        self.listener.waiting = []
        self.clients: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        for tls in (False, True):
            make = lambda tls: Porter(self.listener, tls=tls)  # noqa: E731
            await self.listener.listen(make, "127.0.0.1", 0, tls=tls)

    async def enter(self, *, tls: bool = False) -> "Client":
        trust = ssl.create_default_context(cafile=certificates.ca_file()) if tls else None
        port = self.listener.ports[tls]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
        self.clients.append(writer)
        return Client(reader, writer)

    async def sees(self, look: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not look():
                await asyncio.sleep(0.01)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def read(self) -> str:
        """Return one line, or nothing at the end."""
        async with asyncio.timeout(10):
            try:
                return (await self.reader.readline()).decode().rstrip("\r\n")
            except (ConnectionError, ssl.SSLError):
                return ""

    async def read_until(self, start: str) -> None:
        while not (line := await self.read()).startswith(start):
            assert line, f"closed before {start}"


@contextlib.asynccontextmanager
async def an_open_house() -> AsyncIterator[House]:
    house = House()
    await house.open()
    try:
        yield house
    finally:
        for writer in house.clients:
            writer.transport.abort()
        await house.listener.close()
