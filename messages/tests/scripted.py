"""A receiving server on loopback that does at each step what a script says, and notes what it saw.

A script maps a step ("connect", "EHLO", "STARTTLS", "TLS", "MAIL", "RCPT", "DATA", "dot", ...) to
what is done there, in turn; a step that is not in the script, or used up, goes well.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from socket import SO_LINGER, SOL_SOCKET
from typing import cast

from cloudmta.simulator import certificate

GOOD = {"connect": "220 mx", "DATA": "354 Go on", "QUIT": "221 Bye", "STARTTLS": "220 Go on"}
TIMEOUT = 10.0  # seconds, for what never takes so long


class Then(Enum):
    """What follows a reply, if the conversation does not simply go on."""

    GO_ON = "go on"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"  # say nothing more, and read nothing
    TRICKLE = "trickle"  # say the same again and again, and read nothing


@dataclass(frozen=True)
class Act:
    """One thing that the server does."""

    reply: str | bytes | None = None  # None: the good one; "" or b"": none at all
    then: Then = Then.GO_ON


CLOSE, RESET, HANG = Act("", Then.CLOSE), Act("", Then.RESET), Act("", Then.HANG)
Script = Mapping[str, Sequence[Act]]


@dataclass(eq=False)
class Seen:
    """One connection, and what the client did on it."""

    commands: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)  # whose messages were taken
    contents: list[bytes] = field(default_factory=list)
    is_tls: bool = False
    is_open: bool = True


class ScriptedServer:
    """Listens on one address; `script` makes the script of each connection by its number."""

    def __init__(
        self,
        script: Callable[[int], Script] | Script | None = None,
        *,
        offers: str = "PIPELINING",
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.context = context  # of TLS; None: one that nobody trusts
        self._script = script or {}
        self.offers = offers.split()
        self.seen: list[Seen] = []
        self.most_open = 0
        self.stopped_at = ""  # the last step at which the script said more than a reply
        self._changed = asyncio.Event()
        self._conversations: set[Conversation] = set()

    async def open(self, host: str, port: int = 0) -> int:
        """Listen, and return the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Conversation(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening; whoever is still there is thrown out."""
        self._server.close()
        upgrades = [one.upgrade for one in self._conversations if one.upgrade]
        for conversation in list(self._conversations):
            conversation.abort()
        await asyncio.gather(*upgrades, return_exceptions=True)
        await self.until(lambda: not self._conversations)
        await self._server.wait_closed()

    @property
    def recipients(self) -> list[str]:
        """Whose messages were taken, on all connections."""
        return [recipient for seen in self.seen for recipient in seen.recipients]

    @property
    def open_connections(self) -> int:
        return sum(seen.is_open for seen in self.seen)

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something was seen."""
        async with asyncio.timeout(TIMEOUT):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    def connected(self, conversation: "Conversation") -> Script:
        self._conversations.add(conversation)
        self.seen.append(conversation.seen)
        self.most_open = max(self.most_open, self.open_connections)
        number = len(self.seen) - 1
        return self._script(number) if callable(self._script) else self._script

    def say(self, number: int, what: bytes) -> None:
        """Let a connection, by its number, say something now."""
        [one] = [one for one in self._conversations if one.seen is self.seen[number]]
        one.transport.write(what)

    def gone(self, conversation: "Conversation") -> None:
        self._conversations.discard(conversation)
        conversation.seen.is_open = False
        self.changed()

    def changed(self) -> None:
        self._changed.set()


class Conversation(asyncio.Protocol):
    """One connection, from the server's end."""

    transport: asyncio.Transport

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.seen = Seen()
        self.upgrade: asyncio.Task[None] | None = None
        self._buffer = b""
        self._recipient = ""
        self._in_content = self._is_deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self._script = {step: list(acts) for step, acts in self.server.connected(self).items()}
        self._act("connect")
        self.server.changed()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf and self._script.get("TLS"):
            self._act("TLS")  # in place of a handshake
            self.server.changed()
            return
        self._buffer += data
        while not self._is_deaf and (end := b"\r\n.\r\n" if self._in_content else b"\r\n"):
            # The line end of DATA may be the one before a lone dot.
            piece, found, rest = (b"\r\n" * self._in_content + self._buffer).partition(end)
            if not found:
                break
            self._buffer = rest
            self._take_content(piece) if self._in_content else self._take(piece.decode())
        self.server.changed()

    def _take(self, command: str) -> None:
        self.seen.commands.append(command)
        verb = command.partition(" ")[0].upper()
        if verb == "RCPT":
            self._recipient = command.partition("<")[2].partition(">")[0]
        self._in_content = self._act(verb).startswith(b"354")
        if verb == "QUIT":
            self.abort() if self._is_deaf else self.transport.close()

    def _take_content(self, content: bytes) -> None:
        self._in_content = False
        unstuffed = content.replace(b"\r\n.", b"\r\n")
        self.seen.contents.append(unstuffed.removeprefix(b"\r\n") + b"\r\n")
        if self._act("dot").startswith(b"2") and content:  # a lone dot is no message
            self.seen.recipients.append(self._recipient)

    def _act(self, step: str) -> bytes:
        acts = self._script.get(step)
        act = acts.pop(0) if acts else Act()
        reply = self._reply(step) if act.reply is None else act.reply
        wire = f"{reply}\r\n".encode() if isinstance(reply, str) and reply else bytes(reply or b"")
        self.transport.write(wire)
        self._is_deaf = act.then is not Then.GO_ON
        self.server.stopped_at = step if self._is_deaf else self.server.stopped_at
        if act.then is Then.CLOSE:
            self.transport.close()
        elif act.then is Then.RESET:
            self._reset()
        elif act.then is Then.TRICKLE:
            self._trickle(wire)
        elif step == "STARTTLS" and wire.startswith(b"220"):
            self._is_deaf = True
            if "TLS" not in self._script:
                self.upgrade = asyncio.get_running_loop().create_task(self._start_tls())
        return wire

    def _reply(self, step: str) -> str:
        if step != "EHLO":
            return GOOD.get(step, "250 Ok")
        offers = [one for one in self.server.offers if one != "STARTTLS" or not self.seen.is_tls]
        return "\r\n".join(["250-mx", *[f"250-{offer}" for offer in offers], "250 8BITMIME"])

    async def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                self.transport, self, self.server.context or tls(), server_side=True
            )
        except (OSError, ssl.SSLError):
            self.server.gone(self)
            return
        self.transport = cast(asyncio.Transport, transport)
        self.seen.is_tls, self._is_deaf = True, False
        self.data_received(b"")  # what came since the handshake

    def connection_lost(self, error: Exception | None) -> None:
        self.server.gone(self)

    def _trickle(self, piece: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(piece)
            asyncio.get_running_loop().call_later(0.02, self._trickle, b".")

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)  # RST and not FIN
        self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
        self.transport.abort()

    def abort(self) -> None:
        self._is_deaf = True
        self.transport.abort()


@cache
def tls() -> ssl.SSLContext:
    """Return a context with a certificate that nobody trusts; making one takes a while."""
    return certificate.server_context(["mx1.example.net"])
