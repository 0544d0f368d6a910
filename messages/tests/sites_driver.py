"""A site, its exchangers on loopback, and jobs that must each end exactly once."""

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop
from django.test import override_settings

from accounts.message_class import MessageClass
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.sites import Job, Site
from messages.smtp.client import Letter, Transaction
from messages.smtp.replies import Reply
from messages.tests.scripted import TIMEOUT, ScriptedServer
from messages.transfer import Connection

OK, CAROL = "250 Ok", "carol@example.net"
CONTENT = b"Subject: Hi\r\n\r\n.\r\nHello\r\n"
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def on_each_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on the event loop of Python, and on that of production."""

    def on_a_loop(*args: Any, loop: str, **kwargs: Any) -> None:
        run(loop, test(*args, **kwargs))

    signature = inspect.signature(test)
    parameter = inspect.Parameter("loop", inspect.Parameter.KEYWORD_ONLY)
    parameters = [*signature.parameters.values(), parameter]
    on_a_loop.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    marked: Callable[..., None] = pytest.mark.parametrize("loop", LOOPS)(on_a_loop)
    return marked


def many(number: int) -> list[str]:
    return [f"r{n}@example.net" for n in range(number)]


def run(loop: str, test: Coroutine[Any, Any, None]) -> None:
    """Run a test on an event loop; whatever goes wrong behind its back fails it too."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: problems.append(what))
        async with asyncio.timeout(2 * TIMEOUT):
            await test
        await asyncio.sleep(0)  # what was closed just now comes to its end
        assert asyncio.all_tasks() == {asyncio.current_task()}

    gc.freeze()  # or all of Django would be searched each time
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(watched())
    gc.collect()  # a transport that was forgotten complains now
    gc.unfreeze()
    assert not problems, problems


class FakeDirectory(Directory):
    """Knows addresses without DNS."""

    def __init__(self, addresses: Mapping[str, Sequence[str] | Reply]) -> None:
        self.known = addresses

    async def addresses(self, host: str) -> list[str]:
        known = self.known[host]
        if isinstance(known, Reply):
            raise Unreachable(known)
        return list(known)


class Desk:
    """Submits jobs to a site, and takes note of how they end."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ended: list[Job] = []
        self.at_first_end: Callable[[Job], None] = lambda job: None
        self.most_connections = 0
        self.expected = 0
        self._all_ended = asyncio.Event()

    def submit(
        self,
        *recipients: str,
        message_class: MessageClass = MessageClass.STANDARD,
        content: bytes = CONTENT,
    ) -> list[Job]:
        jobs, letter = [], Letter.of(content)
        for recipient in recipients:
            transaction = Transaction("b@mta.example.com", recipient, letter)
            jobs.append(Job(transaction, message_class, self._ended))
            self.site.submit(jobs[-1])
        self.expected += len(jobs)
        self._all_ended.clear()
        self.site.dispatch()
        return jobs

    def _ended(self, job: Job) -> None:
        assert job not in self.ended
        self.ended.append(job)
        if len(self.ended) == 1:
            self.at_first_end(job)
        self.most_connections = max(self.most_connections, len(self.site._connections))
        if len(self.ended) == self.expected:
            self._all_ended.set()

    async def all_ended(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            await self._all_ended.wait()

    @property
    def connection(self) -> Connection:
        """The only connection that there is."""
        [connection] = self.site._connections
        return connection

    async def until(self, what: Callable[[], object]) -> None:
        """Wait for something that nobody tells of; the loop goes on meanwhile."""
        async with asyncio.timeout(TIMEOUT):
            while not what():
                await asyncio.sleep(0.001)

    async def sends(self, *recipients: str, content: bytes = CONTENT) -> list[str]:
        """Submit jobs, wait until all have ended, and return their verdicts."""
        jobs = self.submit(*recipients, content=content)
        await self.all_ended()
        return [str(job.transaction.verdict) for job in jobs]


# Each exchanger has an address of its own on loopback, as all share one port.
FIRST, SECOND, NOBODY = "127.0.0.1", "127.0.0.2", "127.0.0.99"


@asynccontextmanager
async def desk(
    *servers: ScriptedServer, groups: Sequence[Sequence[str]] = ()
) -> AsyncIterator[Desk]:
    """Run a site whose exchangers mx1, mx2, ... are these servers, best first; mx0 is dead."""
    port = await servers[0].open(FIRST)
    for server, host in zip(servers[1:], (SECOND,), strict=False):
        await server.open(host, port)
    hosts = {
        "a" * 64: [FIRST],
        "mx0": [NOBODY],
        "mx1": [FIRST],
        "mx2": [SECOND],
        "lost": Reply(451, "4.4.3", "DNS"),
    }
    groups = groups or [[f"mx{number}"] for number in range(1, len(servers) + 1)]
    site = Site(Exchangers(tuple(map(tuple, groups))), FakeDirectory(hosts))
    with override_settings(EXCHANGER_PORT=port):
        ticking = asyncio.create_task(tick(site))
        alice = Desk(site)
        try:
            yield alice
        finally:
            ticking.cancel()
            site.close()
            with suppress(asyncio.CancelledError):
                await ticking
            await alice.until(lambda: not (site._connections or site._opening))
            for server in servers:
                await server.close()
    assert not site.waiting


async def tick(site: Site) -> None:
    """Do what the engine does, only more often."""
    while True:
        await asyncio.sleep(0.01)
        site.tick()
