"""One connection that submits mail (RFC 6409), in few calls and few bytes: MAIL, RCPT and DATA
leave together (RFC 2920). It believes the server's extensions without looking.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, cast

# What applications read the id out of.
QUEUED = b"250 Thanks! Queued as: "

OnReply = Callable[[bytes], None]


@dataclass(frozen=True)
class Login:
    """Where to submit, and as whom."""

    host: str
    port: int
    username: str
    password: str
    tls: ssl.SSLContext | None  # None: in clear


@dataclass(slots=True)
class Letter:
    """One message, ready for the wire."""

    envelope: bytes  # MAIL, RCPT, …, DATA, as one group
    replies: int  # that the envelope gets
    content: bytes  # with the final dot


class Connection(Protocol):
    """What submits, by whatever door."""

    def begin(self, letter: Any) -> None:
        """Submit a message, or a batch of them."""

    def quit(self) -> None:
        """End it as its protocol wants it."""


class Owner(Protocol):
    """Who has messages for the connection."""

    def free(self, client: Connection) -> None:
        """The connection can begin a message."""

    def answered(self, client: Connection, ids: list[str], reply: bytes, seconds: float) -> None:
        """What was submitted was answered: taken under these ids, or not."""

    def failed(self, reply: bytes) -> None:
        """Something else was answered, and not as it should be."""


class Client(asyncio.Protocol):
    """A session from the greeting to its end; `closed` is then set to whether it went well."""

    def __init__(self, login: Login, owner: Owner) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[bool] = loop.create_future()
        self._loop = loop
        self._login = login
        self._owner = owner
        self._buffer = b""
        self._on_reply: OnReply = self._greeted
        self._went_well = True

    def begin(self, letter: Letter) -> None:
        """Submit a message."""
        self._letter = letter
        self._left = letter.replies
        self._say(letter.envelope, self._envelope_answered)

    def quit(self) -> None:
        """End the session as RFC 5321 wants it."""
        self._say(b"QUIT\r\n", lambda reply: self._transport.close())

    def abort(self) -> None:
        """End it without a word."""
        self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common base

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(b"\r\n"):
            return
        lines, self._buffer = self._buffer.split(b"\r\n"), b""
        for line in lines[:-1]:
            if line[3:4] != b"-":  # the last line of a reply
                self._on_reply(line)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(self._went_well and error is None)

    # --- the dialogue, in its order ---

    def _greeted(self, reply: bytes) -> None:
        if self._is(reply, b"220"):
            self._say(b"EHLO generator.test\r\n", self._helo_answered)

    def _helo_answered(self, reply: bytes) -> None:
        if not self._is(reply, b"250"):
            return
        is_encrypted = self._transport.get_extra_info("ssl_object") is not None
        if self._login.tls and not is_encrypted:
            self._say(b"STARTTLS\r\n", self._tls_answered)
            return
        identity = f"\0{self._login.username}\0{self._login.password}".encode()
        self._say(b"AUTH PLAIN " + b64encode(identity) + b"\r\n", self._logged_in)

    def _tls_answered(self, reply: bytes) -> None:
        if self._is(reply, b"220"):
            self._upgrade = self._loop.create_task(self._start_tls())

    async def _start_tls(self) -> None:
        assert self._login.tls
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._login.tls, server_hostname=self._login.host
            )
        except (OSError, ssl.SSLError) as error:
            self._fail(repr(error).encode())
            return
        if transport is None:  # the server has left meanwhile
            self._fail(b"closed within STARTTLS")
            return
        self._transport = transport
        self._say(b"EHLO generator.test\r\n", self._helo_answered)

    def _logged_in(self, reply: bytes) -> None:
        if self._is(reply, b"235"):
            self._owner.free(self)

    def _envelope_answered(self, reply: bytes) -> None:
        self._left -= 1
        if self._left:
            self._is(reply, b"250")
        elif self._is(reply, b"354"):
            self._say(self._letter.content, self._dot_answered)
            self._dot_at = perf_counter()

    def _dot_answered(self, reply: bytes) -> None:
        ids = [reply[len(QUEUED) :].decode()] if reply.startswith(QUEUED) else []
        self._owner.answered(self, ids, reply, perf_counter() - self._dot_at)

    # --- tools ---

    def _say(self, command: bytes, on_reply: OnReply) -> None:
        self._on_reply = on_reply
        self._transport.write(command)

    def _is(self, reply: bytes, code: bytes) -> bool:
        if reply.startswith(code):
            return True
        self._fail(reply)
        return False

    def _fail(self, reply: bytes) -> None:
        self._went_well = False
        self._owner.failed(reply)
        self._on_reply = lambda reply: None
        self._transport.abort()
