"""Who takes mail for a domain, as the simulator's DNS tells it; and what is remembered of that."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

import dns.message
import dns.rcode
import pytest

from cloudmta.simulator.world import Options, World, running
from messages import dns_cache, exchangers
from messages.exchangers import MAX_HOSTS, Directory, Exchangers, Unreachable
from messages.tests.sites_driver import on_each_loop


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


def addresses_of(host: str) -> list[str]:
    async def ask() -> list[str]:
        return await Directory().addresses(host)

    return asyncio.run(ask())


def why_not(ask: Callable[[str], object], name: str) -> str:
    with pytest.raises(Unreachable) as failure:
        ask(name)
    return str(failure.value.reply)


class TestExchangers:
    def test_the_best_come_first_in_groups_of_equal_preference(self, world):
        world.zone.publish("shop.example", "MX", ["20 C.example", "10 b.example", "10 a.example"])

        assert exchangers_of("shop.example").groups == (("a.example", "b.example"), ("c.example",))

    def test_a_host_that_is_named_twice_counts_once(self, world):
        world.zone.publish("twice.example", "MX", ["20 a.example", "10 a.example", "20 b.example"])

        assert exchangers_of("twice.example").groups == (("a.example",), ("b.example",))

    def test_equal_hosts_take_turns_and_better_ones_stay_in_front(self):
        plans = [Exchangers((("a", "b"), ("c",))).plan() for _ in range(1000)]

        assert all(plan[2] == "c" for plan in plans)
        assert 400 < sum(plan[0] == "a" for plan in plans) < 600

    def test_each_of_many_hosts_gets_its_share(self):
        site = Exchangers((tuple("abcdefgh"),))

        assert all(len(site.plan()) == MAX_HOSTS for _ in range(100))
        assert {host for _ in range(500) for host in site.plan()} == set("abcdefgh")

    def test_all_hosts_of_a_domain_are_known(self, world):
        hosts = [f"10 mx{number}.example" for number in range(8)]
        world.zone.publish("large.example", "MX", hosts)

        assert len(exchangers_of("large.example").groups[0]) == 8

    @pytest.mark.parametrize("domain", ["nomx.sim.test", "NoMX.sim.test"])
    def test_without_mx_the_domain_itself_is_the_host(self, world, domain):
        assert exchangers_of(domain).groups == (("nomx.sim.test",),)

    def test_a_domain_may_say_that_it_takes_no_mail(self, world):
        assert why_not(exchangers_of, "nullmx.sim.test") == (
            "556 5.1.10 The domain nullmx.sim.test does not accept mail"
        )

    def test_beside_a_real_host_that_means_nothing(self, world):
        world.zone.publish("half.example", "MX", ["0 .", "10 mx1.sim.test"])

        assert exchangers_of("half.example").groups == (("mx1.sim.test",),)

    def test_a_domain_that_does_not_exist_is_final(self, world):
        assert why_not(exchangers_of, "nxdomain.sim.test") == (
            "550 5.1.2 The domain nxdomain.sim.test does not exist"
        )

    @pytest.mark.parametrize("ask", [exchangers_of, addresses_of])
    def test_trouble_with_dns_passes(self, world, monkeypatch, ask):
        monkeypatch.setattr(exchangers, "LOOKUP_SECONDS", 0.05)

        assert why_not(ask, "servfail.sim.test") == (
            "451 4.4.3 DNS gave no usable answer for servfail.sim.test"
        )
        assert why_not(ask, "timeout.sim.test") == (
            "451 4.4.3 DNS gave no answer in time for timeout.sim.test"
        )

    def test_an_alias_is_followed(self, world):
        world.zone.publish("alias.example", "CNAME", ["target.example"])
        world.zone.publish("target.example", "MX", ["10 mx1.sim.test"])
        world.zone.publish("bare.example", "CNAME", ["host.example"])
        world.zone.publish("host.example", "A", ["127.0.0.7"])

        assert exchangers_of("alias.example").groups == (("mx1.sim.test",),)
        assert exchangers_of("bare.example").groups == (("bare.example",),)
        assert addresses_of("bare.example") == ["127.0.0.7"]

    def test_a_circle_of_aliases_is_no_answer(self, world):
        world.zone.publish("one.example", "CNAME", ["two.example"])
        world.zone.publish("two.example", "CNAME", ["one.example"])

        assert why_not(exchangers_of, "one.example").startswith("451 4.4.3 ")

    def test_names_beyond_ascii_are_asked_for_as_dns_has_them(self, world):
        world.zone.publish("xn--bcher-kva.example", "A", ["127.0.0.8"])

        for domain in ("bücher.example", "xn--bcher-kva.example"):
            assert exchangers_of(domain).groups == (("xn--bcher-kva.example",),)
        assert addresses_of("bücher.example") == ["127.0.0.8"]


class TestAddresses:
    def test_both_families_are_found_and_ipv4_comes_first(self, world):
        world.zone.publish("both.example", "AAAA", [f"2a00::{number}" for number in range(1, 7)])
        world.zone.publish("both.example", "A", ["127.0.0.9"])

        addresses = addresses_of("both.example")

        assert addresses[0] == "127.0.0.9" and len(addresses) == exchangers.MAX_ADDRESSES

    @pytest.mark.parametrize("host", ["nothing.sim.test", "nxdomain.sim.test"])
    def test_a_host_without_address_is_asked_for_again(self, world, host):
        assert why_not(addresses_of, host) == f"451 4.4.4 The exchanger {host} has no address"

    @pytest.mark.parametrize("broken", ["A", "AAAA"])
    def test_one_family_is_enough_where_dns_fails_for_the_other(self, world, monkeypatch, broken):
        world.zone.publish("broken.example", "A", ["127.0.0.9"])
        world.zone.publish("broken.example", "AAAA", ["2a00::1"])
        whole = world.zone.answer

        def answer(query: bytes, **how: bool) -> bytes | None:
            request = dns.message.from_wire(query)
            if not request.question[0].to_text().endswith(f" {broken}"):
                return whole(query, **how)
            response = dns.message.make_response(request)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()

        monkeypatch.setattr(world.zone, "answer", answer)

        assert addresses_of("broken.example") == ["2a00::1" if broken == "A" else "127.0.0.9"]

    def test_private_addresses_are_not_for_mail(self, world, settings):
        settings.PRIVATE_EXCHANGERS = False
        world.zone.publish("inside.example", "A", ["10.0.0.1", "169.254.169.254"])
        world.zone.publish("mixed.example", "A", ["10.0.0.1", "8.8.4.4"])
        world.zone.publish("mixed.example", "AAAA", ["::ffff:10.0.0.1", "2a00::1"])

        assert why_not(addresses_of, "inside.example").startswith("550 5.4.4 inside.example has ")
        assert addresses_of("mixed.example") == ["8.8.4.4", "2a00::1"]


class TestMemory:
    @on_each_loop
    async def test_many_who_ask_at_once_share_one_question(self, questions):
        directory = Directory()

        answers = await asyncio.gather(*[directory.exchangers("sim.test") for _ in range(100)])

        assert len(set(answers)) == 1 and questions == {"sim.test. MX": 1}

    @on_each_loop
    async def test_they_share_a_failure_too(self, questions):
        directory = Directory()
        asking = [directory.exchangers("nxdomain.sim.test") for _ in range(100)]

        answers = await asyncio.gather(*asking, return_exceptions=True)

        assert {type(answer) for answer in answers} == {Unreachable}
        assert questions == {"nxdomain.sim.test. MX": 1}

    @on_each_loop
    async def test_whoever_gives_up_takes_nothing_from_the_others(self, questions):
        directory = Directory()
        first, second = (asyncio.create_task(directory.exchangers("sim.test")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).groups == (("mx1.sim.test",), ("mx2.sim.test",))
        assert first.cancelled() and questions == {"sim.test. MX": 1}

    @on_each_loop
    async def test_an_answer_that_nobody_waits_for_is_kept_and_a_failure_is_no_noise(self, world):
        directory = Directory()
        for domain in ("sim.test", "nxdomain.sim.test"):
            task = asyncio.create_task(directory.exchangers(domain))
            await asyncio.sleep(0)
            task.cancel()
            while directory._exchangers._running:
                await asyncio.sleep(0.001)

        assert set(directory._exchangers._known) == {"sim.test", "nxdomain.sim.test"}

    @pytest.mark.parametrize(("ttl", "kept_for"), [(5, 60), (600, 600), (86400, 3600)])
    def test_an_answer_is_kept_as_long_as_it_holds(self, world, questions, clock, ttl, kept_for):
        world.zone.publish("kept.example", "MX", ["10 mx1.sim.test"], ttl=ttl)

        async def ask() -> None:
            directory = Directory()
            for at in (0, kept_for - 1, 2):
                clock.now += at
                await directory.exchangers("kept.example")
                assert questions["kept.example. MX"] == (2 if at == 2 else 1)

        asyncio.run(ask())

    @pytest.mark.parametrize("shortest", ["CNAME", "A", "AAAA"])
    def test_the_shortest_part_of_an_answer_decides(self, world, questions, clock, shortest):
        ttls = {"CNAME": 1000, "A": 1000, "AAAA": 1000} | {shortest: 100}
        world.zone.publish("mail.example", "CNAME", ["real.example"], ttl=ttls["CNAME"])
        world.zone.publish("real.example", "A", ["127.0.0.1"], ttl=ttls["A"])
        world.zone.publish("real.example", "AAAA", ["::1"], ttl=ttls["AAAA"])

        async def ask() -> None:
            directory = Directory()
            for at in (0, 99, 2):
                clock.now += at
                await directory.addresses("mail.example")
                assert questions["mail.example. A"] == (2 if at == 2 else 1)

        asyncio.run(ask())

    def test_a_failure_is_kept_for_a_minute(self, world, questions, clock):
        async def ask() -> None:
            directory = Directory()
            for at in (0, dns_cache.FAILURE_TTL - 1):
                clock.now += at
                with pytest.raises(Unreachable):
                    await directory.exchangers("new.example")
            world.zone.publish("new.example", "MX", ["10 mx1.sim.test"])
            clock.now += 2
            await directory.exchangers("new.example")
            assert questions["new.example. MX"] == 2

        asyncio.run(ask())

    def test_it_holds_a_limited_number_of_names(self, world, monkeypatch):
        monkeypatch.setattr(dns_cache, "MAX_NAMES", 10)

        async def ask() -> None:
            directory = Directory()
            for number in range(25):
                await directory.exchangers(f"d{number}.sim.test")
                assert len(directory._exchangers._known) <= 10

        asyncio.run(ask())
