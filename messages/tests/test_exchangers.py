"""Who takes mail for a domain, as the simulator's DNS tells it (delivery D1 to D6, D9)."""

import asyncio

import pytest

from messages import exchangers
from messages.exchangers import MAX_HOSTS, Directory, Exchangers
from messages.tests.dns_driver import addresses_of, exchangers_of, outside, why_not, world

__all__ = ["outside", "world"]  # fixtures


class TestExchangers:
    def test_the_best_come_first_in_groups_of_equal_preference(self, world):
        world.zone.publish("shop.example", "MX", ["20 C.example", "10 b.example", "10 a.example"])

        assert exchangers_of("shop.example").groups == (("a.example", "b.example"), ("c.example",))

    def test_a_host_that_is_named_twice_counts_once(self, world):
        world.zone.publish("twice.example", "MX", ["20 a.example", "10 a.example", "20 b.example"])

        assert exchangers_of("twice.example").groups == (("a.example",), ("b.example",))

    def test_equal_hosts_take_turns_and_better_ones_stay_in_front(self):
        plans = [Exchangers((("a", "b"), ("c",))).plan() for _ in range(10_000)]

        assert all(plan[2] == "c" for plan in plans)
        assert 4500 < sum(plan[0] == "a" for plan in plans) < 5500

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
        monkeypatch.setattr(exchangers, "LOOKUP_SECONDS", 0.2)

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

    def test_a_domain_without_mx_and_address_is_missing_too(self, world):
        world.zone.publish("text.example", "TXT", ["only this"])

        assert why_not(exchangers_of, "text.example") == (
            "550 5.1.2 The domain text.example has neither MX nor address"
        )

    def test_a_domain_whose_exchangers_have_no_address_is_not_the_host_itself(self, world):
        world.zone.publish("own.example", "A", ["127.0.0.7"])
        world.zone.publish("own.example", "MX", ["10 gone.example"])

        assert exchangers_of("own.example").groups == (("gone.example",),)
        assert why_not(addresses_of, "gone.example").startswith("451 4.4.4 ")

    @pytest.mark.parametrize("host", ["192.0.2.1", "mx_1.example", r"bad\032name.example"])
    def test_a_strange_host_harms_no_other(self, world, host):
        world.zone.publish("strange.example", "MX", [f"10 {host}", "20 mx1.sim.test"])

        assert exchangers_of("strange.example").groups[1] == ("mx1.sim.test",)

    def test_an_underscore_is_tolerated_and_a_bare_address_is_no_name(self, world):
        world.zone.publish("mx_1.example", "A", ["127.0.0.5"])

        assert addresses_of("mx_1.example") == ["127.0.0.5"]
        assert why_not(addresses_of, "192.0.2.1") == (
            "451 4.4.4 The exchanger 192.0.2.1 has no address"
        )

    def test_an_alias_as_exchanger_is_followed_and_keeps_its_name(self, world):
        world.zone.publish("shop2.example", "MX", ["10 mail.example.net"])
        world.zone.publish("mail.example.net", "CNAME", ["real.example.net"])
        world.zone.publish("real.example.net", "A", ["127.0.0.6"])

        assert exchangers_of("shop2.example").groups == (("mail.example.net",),)
        assert addresses_of("mail.example.net") == ["127.0.0.6"]


class TestLoops:
    @pytest.mark.parametrize(
        ("records", "left"),
        [
            (["10 other.example", "20 ME.example"], (("other.example",),)),
            (["5 other.example", "10 me.example", "10 third.example"], (("other.example",),)),
        ],
    )
    def test_whoever_stands_behind_us_would_send_it_back(self, world, settings, records, left):
        settings.OPERATOR_HOST = "me.example"
        world.zone.publish("loop.example", "MX", records)

        assert exchangers_of("loop.example").groups == left

    @pytest.mark.parametrize(
        "records", [["10 me.example", "20 other.example"], ["10 me.example", "10 other.example"]]
    )
    def test_where_nobody_is_left_mail_would_run_in_a_circle(self, world, settings, records):
        settings.OPERATOR_HOST = "me.example"
        world.zone.publish("circle.example", "MX", records)

        assert why_not(exchangers_of, "circle.example") == (
            "550 5.4.6 Mail for circle.example loops back to us"
        )

    @pytest.mark.parametrize(("address", "is_ours"), [("8.8.4.4", True), ("8.8.8.8", False)])
    def test_we_know_ourselves_by_address(self, world, settings, address, is_ours):
        settings.PRIVATE_EXCHANGERS = False
        settings.OPERATOR_HOST = "me.example"
        world.zone.publish("me.example", "A", ["8.8.4.4"])

        async def ask() -> bool:
            return await Directory().is_ourselves(address)

        assert asyncio.run(ask()) is is_ours
