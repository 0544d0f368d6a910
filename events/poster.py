"""Post to an endpoint that may be anybody's: over TLS, within bounds, never into our own network.

The name is resolved here, each address is checked, and the connection goes to a checked address:
what DNS says to others, or a moment later, does not matter.
"""

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import dns.asyncresolver
import dns.exception
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from domains import resolver
from events import webhooks
from events.webhooks import UrlRefused

logger = logging.getLogger(__name__)

TIMEOUT = 15  # seconds for everything: DNS, connection, TLS, the answer
# Octets of an answer that we read; nobody needs more of it, and some never end.
MOST_READ = 4096
# Seconds that a connection is kept for the next post. Servers close idle ones after two or more,
# and a post into one that just closes would fail.
KEEP_ALIVE = 1
MAX_ADDRESSES = 4
LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post. Without a status there was none, and `error` says why."""

    status: int | None
    seconds: float
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""  # the beginning

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class AddressRefused(OSError):
    """The name leads to no address that we connect to. Says which."""


class Poster:
    """Posts over connections that it keeps for a moment. Lives on one event loop."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(),
            use_dns_cache=False,
            ssl=ssl.create_default_context(),
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small answer may unpack to a huge one
            timeout=aiohttp.ClientTimeout(total=None),  # ours is around all of it
            trust_env=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Post a body and return what came of it; nothing is raised, whatever the endpoint does."""
        started = time.monotonic()
        status: int | None = None
        received: dict[str, str] = {}
        content = bytearray()
        error = ""
        try:
            # The rules may have become stricter since the webhook was made.
            webhooks.check_url(url)
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.post(
                    URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
                ) as response,
            ):
                status, received = response.status, _shown_headers(response)
                await _read_into(content, response)
        except Exception as failure:
            error = _in_words(failure, urlsplit(url).hostname or "")
        seconds = time.monotonic() - started
        return Answer(status, seconds, _judged(status, error), received, _shown(content))


async def _read_into(content: bytearray, response: aiohttp.ClientResponse) -> None:
    while len(content) < MOST_READ:
        chunk = await response.content.read(MOST_READ - len(content))
        if not chunk:
            return
        content += chunk
    response.close()  # with the connection: the rest of it is not for us


def _shown_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the header of an answer, as much of it as is worth keeping."""
    shown: dict[str, str] = {}
    room = MOST_READ
    for name, value in response.headers.items():
        room -= len(name) + len(value)
        if room < 0:
            break
        shown[name] = _storable(value)
    return shown


def _shown(content: bytearray) -> str:
    return _storable(bytes(content).decode("utf-8", "replace"))


def _storable(text: str) -> str:
    """Return a text without what PostgreSQL cannot keep."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _judged(status: int | None, error: str) -> str:
    """Say in words why a post has failed; "": it has not."""
    if status is None:
        return error
    if 200 <= status < 300:
        return ""  # it has the events, however the answer then went on
    if 300 <= status < 400:
        return f"The endpoint redirects ({status}), which is not followed: give its final URL"
    return f"The endpoint answered {status}"


def _in_words(failure: Exception, host: str) -> str:
    """Say what went wrong with a connection."""
    match failure:
        case TimeoutError():
            return f"{host} did not answer within {TIMEOUT} seconds"
        case UrlRefused():
            return f"Nothing is posted to this URL: {failure}"
        case aiohttp.ClientConnectorCertificateError():
            return f"The certificate of {host} is not good: {_reason(failure.certificate_error)}"
        case aiohttp.ClientConnectorDNSError():
            return str(failure.os_error)
        case aiohttp.ClientSSLError():
            return f"No TLS with {host}: {_reason(failure.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"No connection to {host}: {_refusal(failure.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return f"{host} closed the connection without an answer"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return f"The answer of {host} is no HTTP that we can read"
        case aiohttp.ClientError() | OSError():
            return f"The connection to {host} broke"
    logger.error("A post to %s failed", host, exc_info=failure)
    return f"The post to {host} failed by a fault of ours ({type(failure).__name__})"


def _refusal(error: OSError) -> str:
    # Of several addresses that all failed, asyncio makes one error without a number.
    return os.strerror(error.errno) if error.errno else "none of its addresses answers"


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(getattr(error, "reason", None) or error)


class CheckedResolver(AbstractResolver):
    """Resolves a name to addresses that we may connect to, and to nothing else."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await _addresses(host)
        allowed = [one for one in found if webhooks.may_be_posted_to(ipaddress.ip_address(one))]
        if not allowed:
            raise AddressRefused(_why(host, found))
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in allowed[:MAX_ADDRESSES]
        ]

    async def close(self) -> None:
        """Nothing is held open."""


async def _addresses(host: str) -> list[str]:
    if host == LOCALHOST:
        return ["127.0.0.1", "::1"]
    asked = resolver.configured()
    answers = await asyncio.gather(*(_ask(asked, host, kind) for kind in ("A", "AAAA")))
    return [address for answer in answers for address in answer]


async def _ask(asked: dns.asyncresolver.Resolver, host: str, kind: str) -> list[str]:
    try:
        answer = await asked.resolve(host, kind, search=False)
    except dns.exception.DNSException:
        # Some servers answer for A only; with one address we can post.
        return []
    return [record.address for record in answer]


def _why(host: str, found: list[str]) -> str:
    if found:
        return f"{host} has the address {found[0]}, which is none of the public Internet"
    return f"DNS gives no address for {host}"
