"""Ask who takes mail for a domain, with the simulator's DNS as the world and a clock that waits."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

import dns.message
import dns.rdatatype
import pytest

from cloudmta.simulator.world import Options, World, running
from messages import dns_cache
from messages.exchangers import Directory, Exchangers, Unreachable


@pytest.fixture(scope="module")
def outside() -> Iterator[World]:
    with running(Options(dns_port=0, smtp_port=0, http_port=0, starttls=False)) as world:
        yield world


@pytest.fixture
def world(outside, settings) -> World:
    settings.DNS_RESOLVERS = [f"{outside.host}:{outside.dns_port}"]
    settings.PRIVATE_EXCHANGERS = True
    return outside


@pytest.fixture
def questions(world, monkeypatch) -> Counter[str]:
    """What DNS was asked, and how often."""
    asked: Counter[str] = Counter()
    answer = world.zone.answer

    def counted(query: bytes, **how: bool) -> bytes | None:
        name, _, record_type = dns.message.from_wire(query).question[0].to_text().split()
        asked[f"{name} {record_type}"] += 1
        return answer(query, **how)

    monkeypatch.setattr(world.zone, "answer", counted)
    return asked


class Clock:
    """Stands still, until it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(dns_cache, "time", clock)
    return clock


def exchangers_of(domain: str) -> Exchangers:
    async def ask() -> Exchangers:
        return await Directory().exchangers(domain)

    return asyncio.run(ask())


BOTH = (dns.rdatatype.A, dns.rdatatype.AAAA)


def addresses_of(host: str, record_types=BOTH) -> list[str]:
    async def ask() -> list[str]:
        return await Directory(record_types).addresses(host)

    return asyncio.run(ask())


def why_not(ask: Callable[[str], object], name: str) -> str:
    with pytest.raises(Unreachable) as failure:
        ask(name)
    return str(failure.value.reply)
