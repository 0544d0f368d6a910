"""A door that mail comes in by: connections, their limits and their time, around SMTP sessions."""

import asyncio
import ipaddress
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from messages.smtp.replies import Reply
from messages.smtp.server import Closed, Event, ServerConfig, ServerSession, StartTls

logger = logging.getLogger(__name__)

# Connections of one process, in all and from one address.
MAX_CONNECTIONS = 2000
MAX_PER_ADDRESS = 500
# Octets of unfinished contents that one process keeps in memory.
MAX_HELD = 512 * 1024 * 1024
# Seconds a client may be silent (RFC 5321 §4.5.3.2.7), be a stranger, and take for one content.
MAX_SILENCE, MAX_STRANGER, MAX_CONTENT = 300, 120, 600
# Seconds between looks at the clock, and given to sessions at work when the door closes.
LOOK_EVERY, FAREWELL = 5, 20

TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections")
TOO_SLOW = Reply(421, "4.4.2", "Timeout, closing connection")
SHUTTING_DOWN = Reply(421, "4.3.2", "Service shutting down")
NO_ROOM = Reply(452, "4.3.1", "Too much mail at once, try again later")
OUR_FAULT = Reply(451, "4.3.0", "Temporary failure, try again")


class Listener:
    """The sessions of one process, whatever port they came in by."""

    def __init__(self, config: ServerConfig, tls: ssl.SSLContext | None) -> None:
        self.config = config
        self.tls = tls
        self.sessions: set[DoorSession] = set()
        self.held = 0  # octets of unfinished contents
        self.is_closing = False
        self._by_address: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._clock: asyncio.Task[None] | None = None

    async def listen(
        self, make_session: Callable[[bool], "DoorSession"], host: str, port: int, *, tls: bool
    ) -> None:
        """Open one port, which other processes may share. Raises OSError where it is taken."""
        server = await asyncio.get_running_loop().create_server(
            lambda: make_session(tls),
            host,
            port,
            ssl=self.tls if tls else None,
            reuse_port=True,
            backlog=1024,
        )
        self._servers.append(server)
        if self._clock is None:
            self._clock = asyncio.create_task(self._watch())

    @property
    def ports(self) -> list[int]:
        """The ports that are open, in the order in which they were opened."""
        return [server.sockets[0].getsockname()[1] for server in self._servers]

    def greeting_for(self, address: str) -> Reply | None:
        """Return why an address is not let in, None where it is."""
        if self.is_closing:
            return SHUTTING_DOWN
        is_full = len(self.sessions) >= MAX_CONNECTIONS
        return (
            TOO_MANY_CONNECTIONS
            if is_full or self._by_address[address] >= MAX_PER_ADDRESS
            else None
        )

    def entered(self, session: "DoorSession") -> None:
        self.sessions.add(session)
        self._by_address[session.address] += 1

    def left(self, session: "DoorSession") -> None:
        if session in self.sessions:
            self.sessions.discard(session)
            self._by_address[session.address] -= 1
            if not self._by_address[session.address]:
                del self._by_address[session.address]

    async def close(self) -> None:
        """Take nobody new, let finish whoever is in the middle of a message, and end."""
        self.is_closing = True
        for server in self._servers:
            server.close()
        until = time.monotonic() + FAREWELL
        while self.sessions and time.monotonic() < until:
            for session in list(self.sessions):
                if not session.is_busy:
                    session.dismiss(SHUTTING_DOWN)
            await asyncio.sleep(0.1)
        for session in list(self.sessions):
            session.dismiss(SHUTTING_DOWN)
        if self._clock:
            self._clock.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            for session in list(self.sessions):
                if now > session.deadline:
                    session.dismiss(TOO_SLOW)


class DoorSession(asyncio.Protocol):
    """One connection: moves bytes between it and the protocol. `answer` decides."""

    def __init__(self, listener: Listener, *, tls: bool) -> None:
        self.listener = listener
        self.address = ""
        self.deadline = time.monotonic() + MAX_STRANGER
        self.is_stranger = True  # nobody yet whom we know
        self._tls = tls
        self._is_proceeding = False
        self._held = 0
        self._content_deadline: float | None = None

    def answer(self, event: Event) -> None:
        """Call `respond`, now or later."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether a message is on its way in."""
        return self._content_deadline is not None or self.smtp.is_blocked

    def respond(self, reply: Reply) -> None:
        """Answer the event that waits, and go on."""
        if self.smtp.is_closed:
            return
        if reply.code == 354:
            self._content_deadline = time.monotonic() + MAX_CONTENT
        self.smtp.respond(reply)
        self.deadline = time.monotonic() + (MAX_STRANGER if self.is_stranger else MAX_SILENCE)
        if not self._is_proceeding:
            self._proceed()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        config = self.listener.config
        greeting = self.listener.greeting_for(self.address)
        self.smtp = ServerSession(config, tls=self._tls, greeting=greeting)
        self.listener.entered(self)
        self._proceed()

    def data_received(self, data: bytes) -> None:
        if self._content_deadline:
            self._held += len(data)
            self.listener.held += len(data)
            self.deadline = self._content_deadline
        elif not self.is_stranger:
            self.deadline = time.monotonic() + MAX_SILENCE
        self.smtp.receive(data)
        self._proceed()

    def connection_lost(self, error: Exception | None) -> None:
        self._release()
        self.listener.left(self)

    def _proceed(self) -> None:
        self._is_proceeding = True
        while (event := self.smtp.next_event()) is not None:
            if isinstance(event, Closed):
                self._flush()
                self.transport.close()
                break
            if isinstance(event, StartTls):
                self.transport.pause_reading()  # what comes next is for TLS to read
                self._flush()
                self._upgrade = asyncio.create_task(self._start_tls())
                break
            if self._content_deadline:
                self._release()
            self.answer(event)
        self._is_proceeding = False
        self._flush()

    def _release(self) -> None:
        """The content is complete, or never will be."""
        self._content_deadline = None
        self.listener.held -= self._held
        self._held = 0

    def _flush(self) -> None:
        output = self.smtp.take_output()
        if output and not self.transport.is_closing():
            self.transport.write(output)

    async def _start_tls(self) -> None:
        assert self.listener.tls
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self.transport, self, self.listener.tls, server_side=True, ssl_handshake_timeout=30
            )
        except (OSError, ssl.SSLError) as error:
            logger.info("TLS handshake with %s failed: %s", self.address, error)
            transport = None
        if transport is None:  # or the client has left
            self.transport.abort()
            self.listener.left(self)
            return
        self.transport = transport
        self.smtp.tls_established()
        self._proceed()

    def dismiss(self, reply: Reply) -> None:
        """Have the last word. Who does not even read that is cut off by the next look."""
        if self.smtp.is_closed:
            self.transport.abort()
        else:
            self.smtp.close(reply)
            self._proceed()

    def pause_writing(self) -> None:
        # Who sends commands and does not read the replies is not read from either.
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


def is_loopback(address: str) -> bool:
    """Say whether a client is on this very machine."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
