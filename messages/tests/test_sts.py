"""Policies found by DNS and HTTPS, kept in PostgreSQL, and kept fresh (delivery T3, RFC 8461)."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from django.utils import timezone

from messages import sts, sts_fetch
from messages.exchangers import Exchangers, Unreachable
from messages.mta_sts import PolicyError
from messages.shaping.book import key_of
from messages.sts import Policies
from messages.sts_policy import StsPolicy
from messages.tests.dns_driver import clock, outside, world
from messages.tests.sts_driver import DOMAIN, HOST, PolicyHost, in_thread, play

__all__ = ["clock", "outside", "world"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)

SITE = Exchangers((("mx1.sim.test",), ("mx2.sim.test",)))
ENFORCE = "version: STSv1\nmode: enforce\nmx: mx1.sim.test\nmax_age: 604800\n"
IMPOSSIBLE = ENFORCE.replace("mx1.sim.test", "elsewhere.example")


@pytest.fixture
def domain(world):
    world.zone.publish(f"_mta-sts.{DOMAIN}", "TXT", ["v=STSv1; id=1;"])
    world.zone.publish(HOST, "A", ["127.0.0.1"])
    yield world.zone
    world.zone.withdraw(f"_mta-sts.{DOMAIN}", "TXT")


async def refused(policies: Policies, domain: str = DOMAIN) -> str:
    with pytest.raises(Unreachable) as failure:
        await policies.apply(domain, SITE)
    return str(failure.value.reply)


NONE_LEFT = "451 4.7.5 No exchanger of shop.example is one that its MTA-STS policy allows"


class TestFinding:
    def test_an_enforced_policy_leaves_what_matches_and_asks_for_tls(self, domain, tmp_path):
        async def scenario(policies, host):
            for _ in range(3):
                assert await policies.apply(DOMAIN, SITE) == Exchangers((("mx1.sim.test",),), True)
            assert host.requests == ["mta-sts.shop.example/.well-known/mta-sts.txt"]

        play(scenario, PolicyHost(ENFORCE), tmp_path)
        kept = StsPolicy.objects.get()
        assert (kept.domain, kept.policy_id, kept.mode) == (DOMAIN, "1", "enforce")
        assert kept.fetched_at < kept.refresh_at < kept.expires_at

    def test_where_nobody_matches_mail_waits_and_other_domains_do_not_notice(
        self, domain, tmp_path
    ):
        async def scenario(policies, host):
            assert await refused(policies) == NONE_LEFT
            others = {await policies.apply(f"d{n}.sim.test", SITE) for n in range(50)}
            assert others == {SITE}

        play(scenario, PolicyHost(IMPOSSIBLE), tmp_path)

    @pytest.mark.parametrize("mode", ["testing", "none"])
    def test_other_modes_ask_for_nothing(self, domain, tmp_path, mode):
        async def scenario(policies, host):
            assert await policies.apply(DOMAIN, SITE) == SITE

        play(scenario, PolicyHost(IMPOSSIBLE.replace("enforce", mode)), tmp_path)
        assert StsPolicy.objects.get().mode == mode

    def test_no_record_no_request(self, domain, tmp_path):
        domain.withdraw(f"_mta-sts.{DOMAIN}", "TXT")

        async def scenario(policies, host):
            assert await policies.apply(DOMAIN, SITE) == SITE and not host.requests

        play(scenario, PolicyHost(ENFORCE), tmp_path)

    def test_mail_under_a_policy_is_a_site_of_its_own(self):
        assert key_of(SITE) != key_of(Exchangers(SITE.groups, require_tls=True))


class TestNoPolicy:
    """What cannot be fetched as it should be is none, and asked for again in five minutes."""

    async def redirect(self) -> web.StreamResponse:
        raise web.HTTPFound("https://mta-sts.shop.example/elsewhere.txt")

    async def huge(self) -> web.StreamResponse:
        return web.Response(text=ENFORCE + "x: y\n" * 20_000)

    async def html(self) -> web.StreamResponse:
        return web.Response(text=ENFORCE, content_type="text/html")

    async def missing(self) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def late(self) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def binary(self) -> web.StreamResponse:
        return web.Response(body=b"\xff" + ENFORCE.encode(), content_type="text/plain")

    @pytest.mark.parametrize("how", ["redirect", "huge", "html", "missing", "late", "binary"])
    def test_what_is_no_policy_is_not_kept(self, domain, tmp_path, monkeypatch, clock, how):
        async def scenario(policies, host):
            host.answer = getattr(self, how)
            with monkeypatch.context() as patience:
                if how == "late":
                    patience.setattr(sts_fetch, "FETCH_SECONDS", 0.5)
                for _ in range(2):
                    assert await policies.apply(DOMAIN, SITE) == SITE
            assert len(host.requests) == 1
            host.answer = host.policy
            clock.now += sts.FIND_AGAIN + 1
            assert (await policies.apply(DOMAIN, SITE)).require_tls

        play(scenario, PolicyHost(ENFORCE), tmp_path)

    def test_nor_what_comes_with_the_certificate_of_somebody_else(self, domain, tmp_path):
        async def scenario(policies, host):
            assert await policies.apply(DOMAIN, SITE) == SITE
            assert not host.requests

        play(scenario, PolicyHost(ENFORCE, names=("other.example",)), tmp_path)
        assert not StsPolicy.objects.exists()

    def test_nor_what_a_private_address_says(self, domain, tmp_path, settings):
        settings.PRIVATE_EXCHANGERS = False

        async def scenario(policies, host):
            with pytest.raises(PolicyError, match="addresses that mail must not go to"):
                await policies._fetcher.fetch(DOMAIN)
            assert not host.requests

        play(scenario, PolicyHost(ENFORCE), tmp_path)


class TestKeeping:
    def kept(self, tmp_path) -> None:
        async def scenario(policies, host):
            await policies.apply(DOMAIN, SITE)

        play(scenario, PolicyHost(ENFORCE), tmp_path)

    def test_a_new_worker_needs_no_fetch(self, domain, tmp_path):
        self.kept(tmp_path)

        async def scenario(policies, host):
            assert (await policies.apply(DOMAIN, SITE)).require_tls and not host.requests

        play(scenario, PolicyHost(IMPOSSIBLE), tmp_path)

    @pytest.mark.parametrize("what", ["record", "server", "dns"])
    def test_it_outlives_its_record_and_its_server(self, domain, tmp_path, what, monkeypatch):
        self.kept(tmp_path)
        if what == "record":
            domain.withdraw(f"_mta-sts.{DOMAIN}", "TXT")
        else:
            domain.publish(f"_mta-sts.{DOMAIN}", "TXT", ["v=STSv1; id=2;"])
        if what == "dns":
            monkeypatch.setattr(domain, "answer", lambda query, **how: None)
            monkeypatch.setattr("messages.exchangers.LOOKUP_SECONDS", 0.2)

        async def scenario(policies, host):
            host.answer = TestNoPolicy().missing
            assert (await policies.apply(DOMAIN, SITE)).require_tls

        play(scenario, PolicyHost(IMPOSSIBLE), tmp_path)

    def test_a_new_id_brings_the_new_policy(self, domain, tmp_path):
        self.kept(tmp_path)
        domain.publish(f"_mta-sts.{DOMAIN}", "TXT", ["v=STSv1; id=2;"])

        async def scenario(policies, host):
            assert await policies.apply(DOMAIN, SITE) == SITE

        play(scenario, PolicyHost(ENFORCE.replace("enforce", "none")), tmp_path)
        assert StsPolicy.objects.get().policy_id == "2"

    def test_it_is_not_believed_for_longer_than_it_says(self, domain, tmp_path):
        self.kept(tmp_path)
        domain.withdraw(f"_mta-sts.{DOMAIN}", "TXT")
        StsPolicy.objects.update(expires_at=timezone.now())

        async def scenario(policies, host):
            assert await policies.apply(DOMAIN, SITE) == SITE

        play(scenario, PolicyHost(ENFORCE), tmp_path)

    def test_where_postgresql_is_away_nothing_is_sent(self, domain, tmp_path):
        async def away(call: object, *arguments: object) -> None:
            return None

        async def scenario(policies, host):
            policies._in_thread = away
            assert (await refused(policies)).startswith("451 4.3.0 ")

        play(scenario, PolicyHost(ENFORCE), tmp_path)


class TestRefreshing:
    def renew(self, host: PolicyHost, tmp_path) -> None:
        async def run() -> None:
            async with host.serving(tmp_path) as fetcher:
                await in_thread(sts.refresh, fetcher)

        asyncio.run(run())

    def make_due(self, tmp_path, **fields: object) -> StsPolicy:
        TestKeeping().kept(tmp_path)
        StsPolicy.objects.update(**{"refresh_at": timezone.now()} | fields)
        return StsPolicy.objects.get()

    def test_it_is_fetched_again_before_it_expires(self, domain, tmp_path):
        before = self.make_due(tmp_path)
        self.renew(PolicyHost(IMPOSSIBLE), tmp_path)

        after = StsPolicy.objects.get()
        assert after.expires_at > before.expires_at and after.patterns == ["elsewhere.example"]
        assert after.refresh_at > timezone.now()

    def test_it_holds_where_that_fails_and_is_tried_again(self, domain, tmp_path):
        before = self.make_due(tmp_path)
        host = PolicyHost(ENFORCE)
        host.answer = TestNoPolicy().missing
        self.renew(host, tmp_path)

        after = StsPolicy.objects.get()
        assert after.expires_at == before.expires_at
        assert timedelta(minutes=59) < after.refresh_at - timezone.now() < timedelta(minutes=61)

    def test_what_nobody_needs_is_left_to_expire_and_taken_away(self, domain, tmp_path):
        self.make_due(tmp_path, needed_at=timezone.now() - timedelta(days=31))
        host = PolicyHost(ENFORCE)
        self.renew(host, tmp_path)
        assert not host.requests and StsPolicy.objects.exists()

        StsPolicy.objects.update(expires_at=timezone.now())
        self.renew(host, tmp_path)
        assert not StsPolicy.objects.exists()
