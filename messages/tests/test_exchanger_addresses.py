"""The addresses of an exchanger, and how long what DNS said is believed (delivery D7 to D11)."""

import asyncio

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from messages import dns_cache, exchangers
from messages.exchangers import Directory, Unreachable
from messages.tests.dns_driver import (
    BOTH,
    addresses_of,
    clock,
    outside,
    questions,
    why_not,
    world,
)
from messages.tests.sites_driver import on_each_loop

__all__ = ["clock", "outside", "questions", "world"]  # fixtures


class TestAddresses:
    def test_without_a_route_nobody_asks_for_ipv6(self, world, questions):
        world.zone.publish("both.example", "AAAA", ["2a00::1"])
        world.zone.publish("both.example", "A", ["127.0.0.9"])

        assert addresses_of("both.example", (dns.rdatatype.A,)) == ["127.0.0.9"]
        assert questions == {"both.example. A": 1}

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
    async def test_so_many_questions_are_open_at_a_time_and_no_more(self, world, monkeypatch):
        monkeypatch.setattr(exchangers, "MAX_LOOKUPS", 3)
        directory, most, now = Directory(), 0, 0
        resolve = directory._resolver.resolve

        async def counted(*args: object, **how: bool) -> object:
            nonlocal most, now
            now += 1
            most = max(most, now)
            try:
                return await resolve(*args, **how)
            finally:
                now -= 1

        monkeypatch.setattr(directory._resolver, "resolve", counted)
        await asyncio.gather(*[directory.exchangers(f"d{n}.sim.test") for n in range(20)])

        assert most == 3

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
            directory = Directory(BOTH)
            for at in (0, 99, 2):
                clock.now += at
                await directory.addresses("mail.example")
                assert questions["mail.example. A"] == (2 if at == 2 else 1)

        asyncio.run(ask())

    @pytest.mark.parametrize(
        ("domain", "kept_for"),
        [("new.example", exchangers.NOTHING_FOR), ("servfail.sim.test", exchangers.NO_ANSWER_FOR)],
    )
    def test_a_failure_is_kept_for_a_while(self, world, questions, clock, domain, kept_for):
        async def ask() -> None:
            directory = Directory()
            for at in (0, kept_for - 1, 2):
                clock.now += at
                before = questions.total()
                with pytest.raises(Unreachable):
                    await directory.exchangers(domain)
                assert (questions.total() > before) == (at != kept_for - 1)

        asyncio.run(ask())

    def test_it_holds_a_limited_number_of_names(self, world, monkeypatch):
        monkeypatch.setattr(dns_cache, "MAX_NAMES", 10)

        async def ask() -> None:
            directory = Directory()
            for number in range(25):
                await directory.exchangers(f"d{number}.sim.test")
                assert len(directory._exchangers._known) <= 10

        asyncio.run(ask())
