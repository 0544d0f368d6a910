"""A host that serves MTA-STS policies over HTTPS, and a worker that asks it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection

from cloudmta.simulator import certificate
from messages.exchangers import Directory
from messages.sts import Policies
from messages.sts_fetch import Fetcher

DOMAIN, HOST = "shop.example", "mta-sts.shop.example"


class PolicyHost:
    """Serves a policy over HTTPS, or whatever `answer` makes of a request."""

    def __init__(self, text: str, *, names: tuple[str, ...] = (HOST,)) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = certificate.self_signed(names, key)
        self._key = key
        self.text = text
        self.answer: Callable[[], Awaitable[web.StreamResponse]] = self.policy
        self.requests: list[str] = []

    async def policy(self) -> web.StreamResponse:
        return web.Response(text=self.text)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.host.partition(':')[0]}{request.path}")
        return await self.answer()

    @asynccontextmanager
    async def serving(self, tmp_path: Any) -> AsyncIterator[Callable[[], Fetcher]]:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM)
        private = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (tmp_path / "both.pem").write_bytes(private + pem)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(tmp_path / "both.pem")
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server)
        await site.start()
        port = runner.addresses[0][1]
        trusting = ssl.create_default_context(cadata=pem.decode())
        try:
            yield lambda: Fetcher(Directory(), port, trusting)
        finally:
            await runner.cleanup()


async def in_thread(call: Callable[..., Any], *arguments: object) -> Any:
    def run() -> Any:
        try:
            return call(*arguments)
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def play(scenario: Callable[[Policies, PolicyHost], Awaitable[None]], host: PolicyHost, tmp_path):
    """Run a scenario with a worker's policies and the host that serves the domain's."""

    async def run() -> None:
        async with host.serving(tmp_path) as fetcher:
            await scenario(Policies(Directory(), fetcher(), in_thread), host)

    asyncio.run(run())
