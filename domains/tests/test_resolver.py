import socket
import time

import pytest

from domains import resolver
from domains.resolver import NO_ANSWER, NOTHING


@pytest.fixture
def asks(world, settings):
    settings.DNS_RESOLVERS = [f"127.0.0.1:{world.dns_port}"]

    def publish_and_ask(name, type, *values):
        if values:
            world.zone.publish(name, type, values)
        return resolver.ask([(name, type)])[name, type]

    return publish_and_ask


class TestAsk:
    def test_strings_of_a_text_are_joined(self, asks):
        assert asks("key.alices.example", "TXT", "x" * 300 + "é").values == ("x" * 300 + "é",)

    def test_names_lose_their_dot_and_case(self, asks):
        answer = asks("mta.alices.example", "CNAME", "MTA.Operator.example.")

        assert answer.values == ("mta.operator.example",)
        assert asks("mx.alices.example", "MX", "10 A.example.", "5 b.example.").values == (
            "10 a.example",
            "5 b.example",
        )

    def test_a_name_that_is_not_there_is_an_answer(self, asks):
        assert asks("nobody.example", "TXT") == NOTHING
        assert asks("sim.test", "TXT") == NOTHING

    def test_a_name_that_is_too_long_is_not_there(self, asks):
        assert asks(".".join(["x" * 60] * 5), "TXT") == NOTHING

    def test_a_failing_server_leaves_it_open(self, asks):
        assert asks("servfail.sim.test", "TXT") == NO_ANSWER

    def test_aliases_are_followed(self, asks, world):
        world.zone.publish("keys.operator.example", "TXT", ["v=DKIM1"])

        assert asks("alias.alices.example", "CNAME", "keys.operator.example.").values
        assert asks("alias.alices.example", "TXT").values == ("v=DKIM1",)

    def test_an_alias_has_no_name_servers_of_its_own(self, asks, world):
        world.zone.publish("zone.example", "NS", ["NS1.Provider.example."])
        world.zone.publish("alias.zone.example", "CNAME", ["zone.example."])

        assert asks("zone.example", "NS").values == ("ns1.provider.example",)
        assert asks("alias.zone.example", "NS") == NOTHING


class TestPatience:
    def test_silence_ends_for_all_at_once(self, settings, monkeypatch):
        monkeypatch.setattr(resolver, "PATIENCE", 0.2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            settings.DNS_RESOLVERS = [f"127.0.0.1:{silent.getsockname()[1]}"]
            started = time.monotonic()

            answers = resolver.ask([(f"a{n}.example", "TXT") for n in range(20)])

        assert set(answers.values()) == {NO_ANSWER}
        assert time.monotonic() - started < 20 * 0.2
