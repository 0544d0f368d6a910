"""Fetch the policy file of a domain over HTTPS, and nothing that is not one (RFC 8461 §3.3)."""

import asyncio
import socket
import ssl

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from messages import tls
from messages.exchangers import Directory, Unreachable
from messages.mta_sts import Policy, PolicyError, parse

FETCH_SECONDS = 20  # mail for the domain waits for it
MAX_OCTETS = 65536
PORT = 443


class Fetcher:
    """Fetches policies from addresses that mail may go to, with a certificate that is good."""

    def __init__(
        self, directory: Directory, port: int = PORT, context: ssl.SSLContext | None = None
    ) -> None:
        self._directory = directory
        self._port = port
        self._context = context

    async def fetch(self, domain: str) -> Policy:
        """Return the policy of a domain. Raises PolicyError, whatever went wrong."""
        url = f"https://mta-sts.{domain}:{self._port}/.well-known/mta-sts.txt"
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return parse(await self._get(url))
        except TimeoutError:
            raise PolicyError(f"No answer within {FETCH_SECONDS} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp wraps what the system, or our resolver, has said.
            reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            raise PolicyError(f"It cannot be fetched: {reason}") from error

    async def _get(self, url: str) -> str:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._directory),
            use_dns_cache=False,
            ssl=self._context or tls.verified(),
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            ) as session,
            # Who redirects has no policy (§3.3).
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise PolicyError(f"The server answers {response.status}")
            if response.content_type != "text/plain":
                raise PolicyError(f"It is of the type {response.content_type[:80]}")
            return await _read(response)


async def _read(response: aiohttp.ClientResponse) -> str:
    content = b""
    while chunk := await response.content.read(MAX_OCTETS + 1 - len(content)):
        content += chunk
        if len(content) > MAX_OCTETS:
            raise PolicyError(f"It has more than {MAX_OCTETS} octets")
    return content.decode()


class _Resolver(AbstractResolver):
    """Resolves names as for mail: only to addresses that we may connect to."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            addresses = await self._directory.addresses(host)
        except Unreachable as failure:
            raise OSError(failure.reply.text) from failure
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held open."""
