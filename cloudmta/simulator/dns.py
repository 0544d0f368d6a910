"""Serve a zone over UDP and TCP (RFC 1035 §4.2, RFC 7766)."""

import asyncio
import socket
from typing import cast

from cloudmta.simulator.zone import Zone

# A resolver may ask several things on one connection, and then lets it go (RFC 7766 §6.2.3).
IDLE_AFTER = 10.0  # seconds
MOST_CONNECTIONS = 200


class NameServer:
    """One zone on one UDP and one TCP socket."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.streams: set[Stream] = set()

    async def open(self, udp: socket.socket, tcp: socket.socket) -> None:
        """Answer on two sockets that are bound already."""
        loop = asyncio.get_running_loop()
        self.datagrams, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(self.zone), sock=udp
        )
        self.server = await loop.create_server(lambda: Stream(self), sock=tcp)

    async def close(self) -> None:
        """Stop answering."""
        self.datagrams.close()
        self.server.close()
        for stream in list(self.streams):
            stream.transport.abort()
        await self.server.wait_closed()


class Datagrams(asyncio.DatagramProtocol):
    """Answer each datagram by one datagram, or not at all."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.DatagramTransport, transport)  # uvloop's has no common base
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.zone.answer(data, datagram=True)
        if answer is not None:
            self.transport.sendto(answer, addr)


class Stream(asyncio.Protocol):
    """One TCP connection: messages one after the other, a two-octet length before each."""

    transport: asyncio.Transport

    def __init__(self, server: NameServer) -> None:
        self.server = server
        self.unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self.transport = transport
        self.timer = asyncio.get_running_loop().call_later(IDLE_AFTER, transport.abort)
        self.server.streams.add(self)
        if len(self.server.streams) > MOST_CONNECTIONS:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        # Never more than one read and one message: what is complete leaves at once.
        self.unread += data
        while (message := self.next_message()) is not None:
            answer = self.server.zone.answer(message)
            if answer is not None:
                self.transport.write(len(answer).to_bytes(2, "big") + answer)

    def next_message(self) -> bytes | None:
        """Take one whole message from what was read, if there is one."""
        end = 2 + int.from_bytes(self.unread[:2], "big")
        if len(self.unread) < max(end, 2):
            return None
        message = bytes(self.unread[2:end])
        del self.unread[:end]
        return message

    def pause_writing(self) -> None:
        # One who asks and does not read the answers is not read from either.
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.timer.cancel()
        self.server.streams.discard(self)
