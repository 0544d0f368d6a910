"""The DNS of the simulated world, asked as a resolver would ask it."""

import socket
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.resolver
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudmta.simulator import dns as server
from cloudmta.simulator.world import Options, World, running
from cloudmta.simulator.zone import Zone

LONG_KEY = "v=DKIM1; k=rsa; p=" + "A" * 392  # as long as RSA-2048 makes it


@pytest.fixture
def world() -> Iterator[World]:
    with running(Options(dns_port=0, smtp_port=0, http_port=0, starttls=False)) as world:
        yield world


@pytest.fixture
def resolver(world: World) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [world.host], world.dns_port
    return resolver


def ask(zone: Zone, name: str, type: str) -> dns.message.Message:
    answer = zone.answer(dns.message.make_query(name, type).to_wire())
    assert answer is not None
    return dns.message.from_wire(answer)


def values(zone: Zone, name: str, type: str) -> list[str]:
    return [record.to_text() for rrset in ask(zone, name, type).answer for record in rrset]


class TestNames:
    @pytest.mark.parametrize("name", ["sim.test", "d17.sim.test", "a.b.sim.test", "D17.SIM.TEST"])
    def test_every_name_takes_mail_at_two_exchangers(self, resolver, name):
        answer = resolver.resolve(name, "MX")

        found = {r.to_text().lower() for r in answer}
        assert found == {"10 mx1.sim.test.", "20 mx2.sim.test."}

    def test_the_exchangers_have_addresses_on_loopback_and_no_mx(self, resolver):
        assert resolver.resolve("mx1.sim.test", "A")[0].address == "127.0.0.1"
        assert resolver.resolve("mx2.sim.test", "A")[0].address == "127.0.0.2"
        with pytest.raises(dns.resolver.NoAnswer):
            resolver.resolve("mx1.sim.test", "MX")

    def test_a_domain_without_mx_has_an_address(self, resolver):
        assert resolver.resolve("nomx.sim.test", "A")[0].address == "127.0.0.1"
        with pytest.raises(dns.resolver.NoAnswer):
            resolver.resolve("nomx.sim.test", "MX")

    def test_a_null_mx_says_that_no_mail_is_taken(self, resolver):
        assert [r.to_text() for r in resolver.resolve("nullmx.sim.test", "MX")] == ["0 ."]

    def test_a_dead_exchanger_has_an_address_where_nobody_listens(self, world, resolver):
        host = resolver.resolve("deadmx.sim.test", "MX")[0].exchange
        address = resolver.resolve(host, "A")[0].address

        assert address == "127.0.0.99"
        with pytest.raises(OSError):
            socket.create_connection((address, world.smtp_port), timeout=5)

    @pytest.mark.parametrize("name", ["nxdomain.sim.test", "a.nxdomain.sim.test", "example.com"])
    def test_other_names_do_not_exist(self, resolver, name):
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve(name, "MX")

    def test_a_server_may_fail(self, resolver):
        with pytest.raises(dns.resolver.NoNameservers, match="SERVFAIL"):
            resolver.resolve("servfail.sim.test", "MX")

    def test_a_server_may_be_silent(self, resolver):
        with pytest.raises(dns.resolver.LifetimeTimeout):
            resolver.resolve("timeout.sim.test", "MX", lifetime=0.05)

    def test_a_ttl_is_short_and_a_denial_says_how_long_it_holds(self):
        zone = Zone()

        assert ask(zone, "sim.test", "MX").answer[0].ttl == 5
        assert ask(zone, "example.com", "A").authority[0][0].minimum == 5


class TestPublishing:
    def test_a_record_is_there_until_it_is_withdrawn(self, world, resolver):
        world.zone.publish("s1._domainkey.example.com", "TXT", [LONG_KEY])

        [record] = resolver.resolve("s1._domainkey.example.com", "TXT")
        assert b"".join(record.strings).decode() == LONG_KEY
        assert world.zone.withdraw("S1._domainkey.example.com.", "txt")
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve("s1._domainkey.example.com", "TXT")

    def test_what_was_never_published_cannot_be_withdrawn(self):
        assert not Zone().withdraw("example.com", "TXT")

    def test_an_alias_is_followed(self, resolver, world):
        world.zone.publish("mta.example.com", "CNAME", ["host.cloudmta.test"])
        world.zone.publish("host.cloudmta.test", "MX", ["10 host.cloudmta.test"])

        answer = resolver.resolve("mta.example.com", "MX")

        assert answer.canonical_name == dns.name.from_text("host.cloudmta.test")
        assert [r.to_text() for r in answer] == ["10 host.cloudmta.test."]

    def test_an_alias_itself_can_be_asked_for(self):
        zone = Zone()
        zone.publish("mta.example.com", "CNAME", ["host.cloudmta.test"])

        assert values(zone, "mta.example.com", "CNAME") == ["host.cloudmta.test."]

    def test_an_alias_of_a_name_under_sim_test_hides_its_exchangers(self):
        zone = Zone()
        zone.publish("mta.shop.sim.test", "CNAME", ["host.cloudmta.test"])
        zone.publish("host.cloudmta.test", "A", ["127.0.0.1"])

        assert values(zone, "mta.shop.sim.test", "MX") == ["host.cloudmta.test."]

    def test_an_alias_may_lead_to_nothing(self):
        zone = Zone()
        zone.publish("mta.example.com", "CNAME", ["nowhere.example"])

        assert ask(zone, "mta.example.com", "MX").rcode() == dns.rcode.NXDOMAIN

    def test_aliases_in_a_circle_come_to_an_end(self):
        zone = Zone()
        zone.publish("a.example", "CNAME", ["b.example"])
        zone.publish("b.example", "CNAME", ["a.example"])

        assert ask(zone, "a.example", "A").rcode() == dns.rcode.NOERROR

    def test_a_domain_with_a_published_text_still_takes_mail(self):
        zone = Zone()
        zone.publish("shop.sim.test", "TXT", ["v=spf1 -all"])

        assert len(values(zone, "shop.sim.test", "MX")) == 2

    @pytest.mark.parametrize(
        ("name", "type", "value", "sentence"),
        [
            ("a..b", "A", "127.0.0.1", "is not a domain name"),
            ("\ud800.example", "A", "127.0.0.1", "is not a domain name"),
            ("a.example", "NOSUCH", "x", "is not a type"),
            ("a.example", "ANY", "x", "can be asked for and not be published"),
            ("a.example", "A", "localhost", "is not the value of a A record"),
            ("a.example", "MX", "mx1.sim.test", "is not the value of a MX record"),
            ("a.example", "TXT", "x" * 40000, "too long"),
            ("a.example", "TXT", "\ud800", "surrogates"),
        ],
    )
    def test_a_wrong_record_is_refused(self, name, type, value, sentence):
        with pytest.raises(ValueError, match=sentence):
            Zone().publish(name, type, [value])

    def test_a_record_needs_a_value_and_a_possible_ttl(self):
        with pytest.raises(ValueError, match="at least one value"):
            Zone().publish("a.example", "A", [])
        with pytest.raises(ValueError, match="TTL"):
            Zone().publish("a.example", "A", ["127.0.0.1"], ttl=-1)


class TestPackets:
    def test_what_is_too_long_for_a_datagram_is_fetched_over_tcp(self, world):
        world.zone.publish("long.example", "TXT", [LONG_KEY, "x" * 250, "y" * 2000])
        query = dns.message.make_query("long.example", "TXT", use_edns=0, payload=4096)

        cut_off = dns.query.udp(query, world.host, timeout=5, port=world.dns_port)
        whole = dns.query.tcp(query, world.host, timeout=5, port=world.dns_port)

        assert cut_off.flags & dns.flags.TC and not cut_off.answer
        assert not whole.flags & dns.flags.TC and len(whole.answer[0]) == 3

    def test_a_datagram_without_edns_holds_512_octets(self):
        zone = Zone()
        zone.publish("long.example", "TXT", ["x" * 600])
        plain = dns.message.make_query("long.example", "TXT").to_wire()
        edns = dns.message.make_query("long.example", "TXT", use_edns=0, payload=1232).to_wire()

        assert dns.message.from_wire(zone.answer(plain, datagram=True)).flags & dns.flags.TC
        assert dns.message.from_wire(zone.answer(edns, datagram=True)).answer

    def test_several_questions_follow_each_other_on_one_connection(self, world):
        query = dns.message.make_query("sim.test", "MX").to_wire(prepend_length=True)
        with socket.create_connection((world.host, world.dns_port), timeout=5) as client:
            client.sendall(query[:5])
            client.sendall(query[5:] + query)
            with client.makefile("rb") as answers:
                for _ in range(2):
                    length = int.from_bytes(answers.read(2), "big")
                    assert dns.message.from_wire(answers.read(length)).answer

    def test_a_connection_too_many_is_closed(self, world, monkeypatch):
        monkeypatch.setattr(server, "MOST_CONNECTIONS", 0)
        with socket.create_connection((world.host, world.dns_port), timeout=5) as client:
            assert is_closed(client)

    def test_a_silent_connection_is_closed(self, world, monkeypatch):
        monkeypatch.setattr(server, "IDLE_AFTER", 0.01)
        with socket.create_connection((world.host, world.dns_port), timeout=5) as client:
            assert is_closed(client)

    def test_a_strange_query_is_refused_in_the_words_of_dns(self):
        zone = Zone()
        update = dns.message.make_query("sim.test", "MX")
        update.set_opcode(dns.opcode.STATUS)
        chaos = dns.message.make_query("version.bind", "TXT", "CH")
        none = dns.message.Message()

        for query, rcode in [
            (update, dns.rcode.NOTIMP),
            (chaos, dns.rcode.REFUSED),
            (none, dns.rcode.FORMERR),
        ]:
            answer = zone.answer(query.to_wire())
            assert answer is not None
            assert dns.message.from_wire(answer).rcode() == rcode

    def test_a_broken_query_is_called_so(self):
        query = dns.message.make_query("sim.test", "MX").to_wire()

        answer = dns.message.from_wire(Zone().answer(query[:-3]))

        assert answer.rcode() == dns.rcode.FORMERR
        assert answer.id == int.from_bytes(query[:2], "big")

    def test_a_response_is_not_answered(self):
        query = dns.message.make_query("sim.test", "MX")
        query.flags |= dns.flags.QR

        assert Zone().answer(query.to_wire()) is None

    @given(st.binary(max_size=600), st.booleans())
    @example(b"", False)
    def test_any_bytes_are_answered_or_not_but_never_harm(self, query, datagram):
        check_answer(Zone().answer(query, datagram=datagram))

    @given(st.data())
    def test_a_query_with_any_octets_changed_never_harms(self, data):
        query = bytearray(
            dns.message.make_query("a.sim.test", "MX", use_edns=0, want_dnssec=True).to_wire()
        )
        for at in data.draw(st.lists(st.integers(0, len(query) - 1), max_size=6)):
            query[at] = data.draw(st.integers(0, 255))

        check_answer(Zone().answer(bytes(query), datagram=data.draw(st.booleans())))


def check_answer(answer: bytes | None) -> None:
    """An answer, if there is one, is a response."""
    assert answer is None or answer[2] & 0x80


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
