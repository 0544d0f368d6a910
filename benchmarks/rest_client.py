"""One connection that submits mail by REST: HTTP/1.1, kept open, one request at a time."""

import asyncio
import json
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from benchmarks.client import Owner


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, ready for the wire."""

    octets: bytes


class RestClient(asyncio.Protocol):
    """A connection from its begin to its end; `closed` is then set to whether it went well."""

    def __init__(self, owner: Owner) -> None:
        self.closed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._owner = owner
        self._buffer = b""
        self._is_waiting = False
        self._went_well = True

    def begin(self, request: Request) -> None:
        """Submit what the request holds."""
        self._is_waiting = True
        self._asked_at = perf_counter()
        self._transport.write(request.octets)

    def quit(self) -> None:
        """End the connection, which waits for nothing."""
        self._transport.close()

    def abort(self) -> None:
        """End it without a word."""
        self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self._owner.free(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank or len(body) < content_length(head):
            return
        self._buffer, self._is_waiting = b"", False
        status = head[9:12]
        self._owner.answered(
            self,
            ids_in(json.loads(body)) if status == b"202" else [],
            head.partition(b"\r\n")[0] + b" " + body[:200],
            perf_counter() - self._asked_at,
        )

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_waiting:
            self._went_well = False
            self._owner.failed(b"closed before the answer")
        if not self.closed.done():
            self.closed.set_result(self._went_well and error is None)


def content_length(head: bytes) -> int:
    """Return how many octets follow a head."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ValueError("The answer tells no length")


def ids_in(answer: dict[str, object]) -> list[str]:
    """Return the ids of the messages that were taken: one, or those of a batch."""
    results = answer.get("results", answer.get("data", [answer]))
    assert isinstance(results, list)
    return [str(one["id"]) for one in results if one.get("id")]


def request_of(
    address: str, path: str, secret: str, messages: list[dict[str, object]], *, is_batch: bool
) -> Request:
    """Return the POST of one message, or of a batch."""
    body = json.dumps({"messages": messages} if is_batch else messages[0]).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return Request(head.encode() + body)
