"""A site, its exchangers on loopback, and jobs that must each end exactly once."""

import asyncio
import gc
import inspect
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import pytest
import redis.asyncio
import uvloop
from django.conf import settings
from django.test import override_settings

from accounts.message_class import MessageClass
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.jobs import Job
from messages.shaping import book
from messages.shaping.limits import Limits
from messages.shaping.ramp import LENGTH
from messages.shaping.shaper import Shaper
from messages.site import Site
from messages.sites import Sites
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

    def __init__(self, site: Site, sites: Sites) -> None:
        self.site = site
        self.sites = sites
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
        account_id: int = 1,
    ) -> list[Job]:
        jobs, letter = [], Letter.of(content)
        for recipient in recipients:
            transaction = Transaction("b@mta.example.com", recipient, letter)
            jobs.append(Job(transaction, message_class, self._ended, account_id=account_id))
            self.site.room.submit(jobs[-1])
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
        return [job.put_off.why if job.put_off else str(job.transaction.verdict) for job in jobs]


# Each exchanger has an address of its own on loopback, as all share one port.
FIRST, SECOND, NOBODY = "127.0.0.1", "127.0.0.2", "127.0.0.99"
# What a site takes, where the test is not about that.
GENEROUS = Limits(connections=10, idle_seconds=5)
MOST, IDLE = 9, 5  # the tenth is for priority


class Worker:
    """One of those that share a site: with a Redis connection, slots and news of its own."""

    def __init__(self, exchangers: Exchangers, directory: Directory, namespace: str) -> None:
        self.shaper = Shaper(namespace)
        self.shaper.ramp._started_at -= LENGTH  # it is no new one
        self.sites = Sites(directory, self.shaper)
        self.site = self.sites.get(exchangers)
        self.desk = Desk(self.site, self.sites)
        self._is_closed = False
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._confer())]

    async def _tick(self) -> None:
        # As the engine does, only more often.
        while not self._is_closed:
            await asyncio.sleep(0.01)
            self.site.tick()

    async def _confer(self) -> None:
        while not self._is_closed:
            await self.sites.confer()
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.gather(*self._tasks)
        self.site.close()
        await self.desk.until(lambda: not (self.site._connections or self.site._opening))
        await self.shaper.close()


@asynccontextmanager
async def workers(
    number: int,
    *servers: ScriptedServer,
    groups: Sequence[Sequence[str]] = (),
    limits: Limits = GENEROUS,
    knows_redis: bool = True,
    require_tls: bool = False,
) -> AsyncIterator[list[Worker]]:
    """Run workers with one site whose exchangers mx1, mx2, ... are these servers, best first.

    mx0 is dead. Redis has been there for long, and knows nothing of the site.
    """
    port = await servers[0].open(FIRST)
    for server, host in zip(servers[1:], (SECOND,), strict=False):
        await server.open(host, port)
    hosts = {
        "a" * 64: [FIRST],
        "mx0": [NOBODY],
        "mx1": [FIRST],
        "mx2": [SECOND],
        "mx1.yahoodns.net": [FIRST],
        "lost": Reply(451, "4.4.3", "DNS"),
    }
    groups = groups or [[f"mx{number}"] for number in range(1, len(servers) + 1)]
    exchangers = Exchangers(tuple(map(tuple, groups)), require_tls)
    directory = FakeDirectory(hosts)
    namespace = f"test-{uuid.uuid4().hex}"
    with override_settings(EXCHANGER_PORT=port), patch.object(book, "DEFAULT", limits):
        if knows_redis:
            await _know_redis(namespace)
        team = [Worker(exchangers, directory, namespace) for _ in range(number)]
        try:
            yield team
        finally:
            for worker in team:
                await worker.close()
            for server in servers:
                await server.close()
    assert not any(len(worker.site.room) for worker in team)


async def _know_redis(namespace: str) -> None:
    connection = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    await connection.set(f"{namespace}:epoch", 1, ex=600)
    await connection.aclose()


@asynccontextmanager
async def desk(
    *servers: ScriptedServer,
    groups: Sequence[Sequence[str]] = (),
    limits: Limits = GENEROUS,
    require_tls: bool = False,
) -> AsyncIterator[Desk]:
    """Run one worker with one site, and be at its desk."""
    how = {"groups": groups, "limits": limits, "require_tls": require_tls}
    async with workers(1, *servers, **how) as [worker]:
        yield worker.desk


HOSTILE = "<script>alert(1)</script>"


def tell(host: str) -> str:
    """Let a worker tell of a site that is down; return the key of the site."""

    async def telling() -> str:
        shaper = Shaper()
        sites = Sites(FakeDirectory({}), shaper)
        site = sites.get(Exchangers(((host, "mx2.example.net"),)))
        site.standing.went_down(Reply(421, "4.3.2", HOSTILE, is_remote=True))
        await sites.confer()
        await shaper.close()
        return site.standing.terms.site

    return asyncio.run(telling())
