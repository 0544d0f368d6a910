"""Alice and Bob, as the REST door sees them, and a DNS that each test has to itself."""

import pytest

from accounts.tests.conftest import alice, bob
from cloudmta.simulator.world import Options, running

__all__ = ["alice", "bob"]


@pytest.fixture(scope="module")
def world():
    with running(Options(dns_port=0, smtp_port=0, http_port=0)) as world:
        yield world


@pytest.fixture
def dns(world, settings):
    settings.DNS_RESOLVERS = [f"127.0.0.1:{world.dns_port}"]
    before = {name: dict(records) for name, records in world.zone.records.items()}
    yield world.zone
    world.zone.records = before
