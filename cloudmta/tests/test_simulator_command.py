"""The command that runs the simulator, and the records of all domains in its DNS."""

import io
from unittest import mock

import dns.message
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import Account
from cloudmta.management.commands import simulator
from cloudmta.simulator.world import Options, running
from cloudmta.simulator.zone import Zone
from domains.models import Domain
from domains.records import Record


@pytest.fixture(autouse=True)
def operator(settings):
    settings.OPERATOR_HOST = "mta.operator.test"


@pytest.fixture
def domain(db) -> Domain:
    account = Account.objects.create(name="Alice")
    domain = Domain.objects.create(account=account, name="example.com", mta_label="bounce")
    for selector, state in (("s0", "retired"), ("s1", "old"), ("s2", "active")):
        domain.signing_keys.create(
            selector=selector, state=state, public_key="A" * 392, encrypted_private_key=b""
        )
    return domain


class StopAfter:
    """Stands for the event that ends the thread: set after a number of rounds."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds

    def wait(self, timeout: float) -> bool:
        self.rounds -= 1
        return self.rounds <= 0


def texts(zone: Zone, name: str, type: str) -> list[str]:
    answer = zone.answer(dns.message.make_query(name, type).to_wire())
    assert answer is not None
    return [record.to_text() for rrset in dns.message.from_wire(answer).answer for record in rrset]


def follow(zone: Zone, rounds: int = 1) -> None:
    # The thread closes its connections; the one of this test stays open.
    with (
        mock.patch.object(simulator, "close_old_connections"),
        mock.patch.object(simulator, "connections"),
    ):
        simulator.follow_domains(zone, StopAfter(rounds))


class TestRecords:
    def test_the_records_of_every_domain_and_live_key_are_published(self, domain):
        zone = Zone()

        follow(zone)

        assert texts(zone, "bounce.example.com", "CNAME") == ["mta.operator.test."]
        for selector in ("s1", "s2"):
            [text] = texts(zone, f"{selector}._domainkey.example.com", "TXT")
            assert "A" * 392 in text.replace('" "', "")
        assert texts(zone, "s0._domainkey.example.com", "TXT") == []
        assert texts(zone, "_dmarc.example.com", "TXT") == ['"v=DMARC1; p=none;"']

    def test_the_alias_leads_to_the_host_of_the_operator(self, domain):
        zone = Zone()

        follow(zone)

        alias = "mta.operator.test."
        assert texts(zone, "bounce.example.com", "A") == [alias, "127.0.0.1"]
        assert texts(zone, "bounce.example.com", "MX") == [alias, f"10 {alias}"]
        assert texts(zone, "bounce.example.com", "TXT") == [alias, '"v=spf1 ip4:127.0.0.1 -all"']

    def test_a_domain_that_is_gone_loses_its_records(self, domain):
        zone, records = Zone(), iter([simulator.published_records(), simulator.operator_records()])

        with mock.patch.object(simulator, "published_records", lambda: next(records)):
            follow(zone, rounds=2)

        assert texts(zone, "bounce.example.com", "CNAME") == []
        assert texts(zone, "mta.operator.test", "A") == ["127.0.0.1"]

    def test_what_a_test_broke_stays_broken(self, domain):
        zone, before = Zone(), simulator.by_name_and_type(simulator.published_records())
        simulator.publish_changes(zone, {}, before)

        zone.withdraw("bounce.example.com", "CNAME")
        simulator.publish_changes(zone, before, before)

        assert texts(zone, "bounce.example.com", "CNAME") == []

    def test_without_a_database_the_last_known_records_stay(self, domain, caplog):
        zone, known = Zone(), simulator.published_records()

        with mock.patch.object(
            simulator, "published_records", side_effect=[known, *[OperationalError("gone")] * 3]
        ):
            follow(zone, rounds=4)

        assert texts(zone, "bounce.example.com", "CNAME") == ["mta.operator.test."]
        assert [record.getMessage() for record in caplog.records] == [
            "The records of the domains stay as they were: gone"
        ]

    def test_without_a_database_from_the_start_the_operator_has_a_host(self, caplog):
        zone = Zone()

        with mock.patch.object(simulator, "published_records", side_effect=OperationalError):
            follow(zone)

        assert texts(zone, "mta.operator.test", "MX") == ["10 mta.operator.test."]

    def test_a_name_that_is_none_stands_in_nobody_elses_way(self, caplog):
        zone = Zone()
        records = [Record("a..b", "A", "127.0.0.1", ""), Record("c.test", "A", "127.0.0.1", "")]

        simulator.publish_changes(zone, {}, simulator.by_name_and_type(records))

        assert texts(zone, "c.test", "A") == ["127.0.0.1"]
        assert "'a..b' is not a domain name" in caplog.text


class TestCommand:
    def test_a_port_in_use_is_said_in_one_sentence(self, settings):
        with running(Options(dns_port=0, smtp_port=0, http_port=0)) as world:
            settings.SIMULATOR_DNS_PORT = settings.SIMULATOR_SMTP_PORT = 0
            settings.SIMULATOR_HTTP_PORT = world.http_port

            with pytest.raises(CommandError, match=f"^Port {world.http_port} of .* in use"):
                call_command("simulator")

    def test_it_says_where_it_listens_and_counts_when_told_so(self, settings, monkeypatch):
        settings.SIMULATOR_DNS_PORT = settings.SIMULATOR_SMTP_PORT = 0
        settings.SIMULATOR_HTTP_PORT = 0
        out, worlds = io.StringIO(), []
        start_following = simulator.Command.start_following

        def start_and_stop(command, world, stopped):
            start_following(command, world, stopped)
            worlds.append(world)
            world.stop()

        monkeypatch.setattr(simulator, "follow_domains", lambda zone, stopped: None)
        monkeypatch.setattr(simulator.Command, "start_following", start_and_stop)

        call_command("simulator", "--counting", stdout=out)

        [world] = worlds
        assert f"HTTP {world.http_port}" in out.getvalue()
        assert not world.store.keep_content
