"""A door that mail comes in by: connections, their limits and their time, around SMTP sessions."""

import asyncio
import ipaddress
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from messages.smtp.replies import Reply
from messages.smtp.server import Closed, Event, ServerConfig, ServerSession, StartTls

logger = logging.getLogger(__name__)

# Connections of one process, in all and from one address.
MAX_CONNECTIONS = 2000
MAX_PER_ADDRESS = 500
# Octets of unfinished contents that one process keeps in memory: from where on no other content
# is asked for, and where even those that are on their way in are cut off.
MAX_HELD, TOO_MUCH_HELD = 512 * 1024 * 1024, 768 * 1024 * 1024
# Seconds a client may be silent (RFC 5321 §4.5.3.2.7), be a stranger, and take for one content.
MAX_SILENCE, MAX_STRANGER, MAX_CONTENT = 300, 120, 600
# Seconds between looks at the clock, and given to sessions at work when the door closes.
LOOK_EVERY, FAREWELL = 5, 20
# Seconds that a client has to begin TLS, and to end it; to leave when the door closes.
MAX_HANDSHAKE, MAX_GOODBYE, MAX_LEAVING = 30, 5, 0.5

TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections")
TOO_SLOW = Reply(421, "4.4.2", "Timeout, closing connection")
SHUTTING_DOWN = Reply(421, "4.3.2", "Service shutting down")
NO_ROOM = Reply(452, "4.3.1", "Too much mail at once, try again later")
NO_MORE_ROOM = Reply(421, "4.3.1", "Too much mail at once, try again later")
OUR_FAULT = Reply(451, "4.3.0", "Temporary failure, try again")


class Listener:
    """The sessions of one process, whatever port they came in by."""

    def __init__(
        self,
        config: ServerConfig,
        tls: ssl.SSLContext | None,
        *,
        max_per_address: int | None = None,
    ) -> None:
        self.config = config
        self.tls = tls
        self._max_per_address = max_per_address or MAX_PER_ADDRESS
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
            ssl_handshake_timeout=MAX_HANDSHAKE if tls else None,
            ssl_shutdown_timeout=MAX_GOODBYE if tls else None,
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

    def config_for(self, address: str) -> ServerConfig:
        """Return what an address is offered: AUTH in clear is for this very machine alone."""
        if self.config.auth_in_clear and not is_loopback(address):
            return replace(self.config, auth_in_clear=False, require_tls=True)
        return self.config

    def greeting_for(self, address: str) -> Reply | None:
        """Return why an address is not let in, None where it is."""
        if self.is_closing:
            return SHUTTING_DOWN
        is_full = len(self.sessions) >= MAX_CONNECTIONS
        return (
            TOO_MANY_CONNECTIONS
            if is_full or self._by_address[address] >= self._max_per_address
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
            await asyncio.sleep(MAX_LEAVING)
        for session in list(self.sessions):
            session.dismiss(SHUTTING_DOWN)
        if self._clock:
            self._clock.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = time.monotonic()
            for session in list(self.sessions):
                if now > session.deadline and not session.waits_for_us:
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
        self._handshake: asyncio.Task[None] | None = None

    def answer(self, event: Event) -> None:
        """Call `respond`, now or later."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether a message is on its way in."""
        is_sending = self._content_deadline is not None and not self.smtp.is_closed
        return is_sending or self.waits_for_us

    @property
    def waits_for_us(self) -> bool:
        """Whether an answer of ours is due, so that the client's silence is no fault of his."""
        return self.smtp.is_blocked and not self.smtp.is_closed and not self._is_shaking_hands

    @property
    def _is_shaking_hands(self) -> bool:
        return self._handshake is not None and not self._handshake.done()

    def respond(self, reply: Reply) -> None:
        """Answer the event that waits, and go on."""
        if self.smtp.is_closed:
            return
        if reply.code == 354:
            self._content_deadline = time.monotonic() + MAX_CONTENT
        else:
            self._release()
        self.smtp.respond(reply)
        self.deadline = time.monotonic() + (MAX_STRANGER if self.is_stranger else MAX_SILENCE)
        if not self._is_proceeding:
            self._proceed()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        config = self.listener.config_for(self.address)
        greeting = self.listener.greeting_for(self.address)
        self.smtp = ServerSession(config, tls=self._tls, greeting=greeting)
        self.listener.entered(self)
        self._proceed()

    def data_received(self, data: bytes) -> None:
        if self._content_deadline:
            self._hold(len(data))
            self.deadline = self._content_deadline
            if self.listener.held > TOO_MUCH_HELD:
                self.dismiss(NO_MORE_ROOM)
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
                self._handshake = asyncio.create_task(self._start_tls())
                break
            self.answer(event)
        self._is_proceeding = False
        self._flush()

    def _hold(self, octets: int) -> None:
        """Count what is kept of a content: the rest of one that is too large is thrown away."""
        octets = min(octets, self.smtp.max_size - self._held)
        self._held += octets
        self.listener.held += octets

    def _release(self) -> None:
        """The content was answered, or never will be."""
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
                self.transport,
                self,
                self.listener.tls,
                server_side=True,
                ssl_handshake_timeout=MAX_HANDSHAKE,
                ssl_shutdown_timeout=MAX_GOODBYE,
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
        if self.smtp.is_closed or self._is_shaking_hands:
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
