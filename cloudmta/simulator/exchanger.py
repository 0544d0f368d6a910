"""Receive mail as the exchangers of the simulated world do (RFC 5321), on one event loop."""

import asyncio
import ssl
from collections.abc import Sequence
from socket import socket
from typing import cast

from cloudmta.simulator import certificate, reports
from cloudmta.simulator.greylist import Greylist
from cloudmta.simulator.postman import Postman
from cloudmta.simulator.reports import Taken
from cloudmta.simulator.store import Store
from messages.simulated import REFUSALS, Outcome, outcome_of
from messages.smtp.replies import Reply
from messages.smtp.server import (
    Closed,
    Content,
    Data,
    Mail,
    Malformed,
    Oversized,
    Rcpt,
    ServerConfig,
    ServerSession,
    StartTls,
)
from messages.smtp.server_events import Event

HOSTS = ("mx1.sim.test", "mx2.sim.test")
MAX_SIZE = 20_000_000  # octets, announced as SIZE

# What RFC 5321 §4.5.3.2.7 asks of a server that waits for the next command; looked at often
# enough that nobody stays much longer.
IDLE_AFTER = 300.0  # seconds
LOOK_EVERY = 30.0  # seconds

# More than any benchmark opens, and few enough for the file descriptors of one process.
MOST_CONNECTIONS = 5_000

OK = Reply(250, "2.0.0", "Ok")
START_CONTENT = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
TOO_LARGE = Reply(552, "5.3.4", "Message too large")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections, try again later")
IDLE = Reply(421, "4.4.2", "Idle for too long")
UNEXPECTED = Reply(502, "5.5.1", "Not offered here")


class Exchanger:
    """All receiving servers: whatever the address, they share mailboxes and manners."""

    def __init__(
        self, store: Store, postman: Postman, *, starttls: bool = True, slow_delay: float = 3.0
    ) -> None:
        self.store = store
        self.postman = postman
        self.slow_delay = slow_delay  # seconds before each reply to `slow`
        self.greylist = Greylist()
        self.sessions: set[Session] = set()
        self.tls = certificate.server_context(HOSTS) if starttls else None
        # max_line: like most receivers we take lines of any length, whatever RFC 5322 allows.
        self.config = ServerConfig(HOSTS[0], MAX_SIZE, max_line=None, starttls=starttls)

    async def open(self, sockets: Sequence[socket]) -> None:
        """Receive on sockets that are bound already."""
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(lambda: Session(self), sock=sock, backlog=1024)
            for sock in sockets
        ]
        self.timer = loop.call_later(LOOK_EVERY, self.close_idle)

    async def close(self) -> None:
        """Stop receiving; nobody is heard out."""
        self.timer.cancel()
        for server in self.servers:
            server.close()
        upgrades = [session.upgrade for session in self.sessions if session.upgrade]
        for session in list(self.sessions):
            session.abort()
        await asyncio.gather(*upgrades, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()

    def close_idle(self) -> None:
        """Take leave of everybody who was silent for too long."""
        loop = asyncio.get_running_loop()
        for session in list(self.sessions):
            if loop.time() - session.heard_at > IDLE_AFTER:
                session.dismiss(IDLE)
        self.timer = loop.call_later(LOOK_EVERY, self.close_idle)


class Session(asyncio.Protocol):
    """One connection: the protocol is in `smtp`, here are its answers and its time."""

    transport: asyncio.Transport

    def __init__(self, exchanger: Exchanger) -> None:
        self.exchanger = exchanger
        self.loop = asyncio.get_running_loop()
        self.heard_at = self.loop.time()
        self.accepted: list[tuple[str, Outcome]] = []  # recipients of this transaction
        self.delay = 0.0  # seconds before each reply in this transaction
        self.timer: asyncio.TimerHandle | None = None
        self.upgrade: asyncio.Task[None] | None = None
        is_full = len(exchanger.sessions) >= MOST_CONNECTIONS
        self.smtp = ServerSession(
            exchanger.config, greeting=TOO_MANY_CONNECTIONS if is_full else None
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self.transport = transport
        self.exchanger.sessions.add(self)
        self.proceed()

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        self.smtp.receive(data)
        self.proceed()

    def proceed(self) -> None:
        """Answer what happened, as far as it can be answered now."""
        while (event := self.smtp.next_event()) is not None:
            if isinstance(event, Closed):
                self.flush()
                self.transport.close()
                return
            if isinstance(event, StartTls):
                self.transport.pause_reading()  # what comes next is for TLS to read
                self.flush()
                self.upgrade = self.loop.create_task(self.establish_tls())
                return
            reply = self.answer(event)
            if reply is None:
                self.flush()
                self.transport.close()
                return
            if self.delay:
                self.flush()
                self.timer = self.loop.call_later(self.delay, self.resume, reply)
                return
            self.smtp.respond(reply)
        self.flush()

    def answer(self, event: Event) -> Reply | None:
        """Return the reply to one event; None: the connection is lost instead."""
        match event:
            case Mail():
                self.accepted, self.delay = [], 0.0
                return OK
            case Rcpt():
                return self.answer_rcpt(event.forward_path)
            case Data():
                return START_CONTENT
            case Content():
                return self.answer_content(event.data)
            case Oversized():
                return TOO_LARGE
            case Malformed():
                return event.reply
        return UNEXPECTED

    def answer_rcpt(self, recipient: str) -> Reply:
        """Accept or refuse one recipient."""
        outcome = outcome_of(recipient)
        reverse_path = self.smtp.reverse_path or ""
        if outcome is Outcome.SLOW:
            self.delay = self.exchanger.slow_delay
        elif outcome is Outcome.GREYLISTED and self.exchanger.greylist.knows(
            reverse_path, recipient
        ):
            outcome = Outcome.DELIVERED
        if outcome in REFUSALS:
            self.exchanger.store.count_refused(outcome)
            return REFUSALS[outcome]
        self.accepted.append((recipient, outcome))
        return OK

    def answer_content(self, content: bytes) -> Reply | None:
        """Put the content into the mailboxes, and answer where somebody does."""
        reverse_path = self.smtp.reverse_path or ""
        self.exchanger.store.receive(reverse_path, self.accepted, content)
        for recipient, outcome in self.accepted:
            letter = reports.answer_to(outcome, Taken(reverse_path, recipient, content))
            if letter:
                self.exchanger.postman.take(letter)
        if any(outcome is Outcome.DROP_AFTER_DOT for _, outcome in self.accepted):
            return None
        return OK

    def resume(self, reply: Reply) -> None:
        """Give a reply that was held back, and go on from there."""
        self.timer = None
        self.smtp.respond(reply)
        self.proceed()

    async def establish_tls(self) -> None:
        """Go on under TLS (RFC 3207); a failed handshake ends the connection."""
        context = self.exchanger.tls
        assert context is not None
        try:
            transport = await self.loop.start_tls(self.transport, self, context, server_side=True)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            transport = None
        self.upgrade = None
        if transport is None:  # or the client left meanwhile
            self.abort()
            return
        self.transport = transport
        self.smtp.tls_established()
        self.proceed()

    def flush(self) -> None:
        output = self.smtp.take_output()
        if output and not self.transport.is_closing():
            self.transport.write(output)

    def dismiss(self, reply: Reply) -> None:
        """Say a last word; who has not even read that by the next time is cut off."""
        if self.smtp.is_closed or self.upgrade:
            self.abort()
        else:
            self.smtp.close(reply)
            self.proceed()

    def abort(self) -> None:
        """End the connection without a word."""
        if self.upgrade:
            self.upgrade.cancel()
        self.transport.abort()
        self.connection_lost(None)

    def pause_writing(self) -> None:
        # One who sends commands and does not read the replies is not read from either.
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()
        self.exchanger.sessions.discard(self)
