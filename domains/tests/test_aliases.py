"""DKIM by CNAME: two names published once, and keys that change behind them."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from domains import aliases, needs, rotation, sending_domains
from domains.models import Domain, KeyState
from domains.rotation import RotationRefused
from messages.tests.factories import AccountFactory


@pytest.fixture(autouse=True)
def zone(settings):
    settings.DKIM_ZONE = "dkim.operator.example"


@pytest.fixture
def domain(db, dns):
    """A domain whose owner has published the aliases, and no key."""
    domain = sending_domains.add(AccountFactory(), "shop.alices.example")
    alias, _, _ = needs.of(domain).records
    first = domain.signing_keys.get().selector
    for record in (alias, *aliases.of(domain, first)):
        dns.publish(record.name, record.type, [f"{record.value}."])
    return domain


def operator_publishes(dns):
    """Bring the operator's zone up to date, as `manage.py dkim_zone` prints it."""
    for record in aliases.published():
        dns.publish(record.name, record.type, [record.value])


def promoted(key):
    """Have DNS looked at until the key signs; say whether it does."""
    for _ in range(rotation.SIGHTINGS - 1):
        rotation.look_at([key])
    key.refresh_from_db()
    if key.seen_since:
        key.seen_since -= rotation.WATCHED_FOR
        key.save()
    rotation.look_at([key])
    key.refresh_from_db()
    return key.state == KeyState.ACTIVE


def rotated(dns, domain):
    key = rotation.begin(domain)
    operator_publishes(dns)
    assert promoted(key)
    domain.refresh_from_db()
    return key


def retired(domain):
    """Let so much time go by that the old key's mail is gone."""
    long_ago = timezone.now() - rotation.KEEP_OLD - timedelta(seconds=1)
    domain.signing_keys.filter(state=KeyState.OLD).update(signs_until=long_ago)
    rotation.retire()


class TestCheck:
    def test_a_key_behind_an_alias_is_found(self, domain, dns):
        operator_publishes(dns)

        assert sending_domains.verify(domain)
        assert domain.key_is_alias

    def test_what_the_operator_has_not_published_is_not_the_owners_fault(self, domain):
        assert not sending_domains.verify(domain)
        assert "Your CNAME is right" in domain.findings[1]["advice"]

    def test_an_alias_to_somewhere_else_is_shown(self, domain, dns):
        key = domain.signing_keys.get()
        dns.publish(key.record_name, "CNAME", ["elsewhere.example."])

        assert not sending_domains.verify(domain)
        assert domain.findings[1]["found"] == ["CNAME elsewhere.example"]
        assert "dkim.operator.example" in domain.findings[1]["advice"]


class TestRotation:
    @pytest.fixture(autouse=True)
    def verified(self, domain, dns):
        operator_publishes(dns)
        assert sending_domains.verify(domain)

    def test_keys_change_again_and_again_without_the_owner(self, domain, dns):
        names = {record.name for record in aliases.of(domain, needs.of(domain).selector)}
        for _ in range(3):
            key = rotated(dns, domain)
            retired(domain)
            assert key.record_name in names
            assert {one.name for one in aliases.of(domain, key.selector)} == names

    def test_a_name_is_not_used_again_before_its_mail_has_arrived(self, domain, dns):
        rotated(dns, domain)

        with pytest.raises(RotationRefused, match="still under way"):
            rotation.begin(domain)

    def test_who_publishes_keys_themselves_need_not_wait(self, domain, dns):
        rotated(dns, domain)
        Domain.objects.update(key_is_alias=False)

        key = rotation.begin(domain)

        assert domain.signing_keys.filter(selector=key.selector).count() == 1

    def test_one_that_waits_is_not_made_twice(self, domain):
        assert rotation.begin(domain) == rotation.begin(domain)


class TestZone:
    def test_the_command_prints_a_record_for_each_key(self, domain, capsys):
        call_command("dkim_zone")

        (key,) = domain.signing_keys.all()
        name = f"{key.selector}.{domain.public_id}.dkim.operator.example."
        assert capsys.readouterr().out.startswith(f'{name} 3600 IN TXT "v=DKIM1;')

    def test_without_a_zone_nothing_is_offered(self, domain, settings):
        settings.DKIM_ZONE = ""

        assert aliases.of(domain, "x") == ()
        with pytest.raises(CommandError, match="Set DKIM_ZONE first"):
            call_command("dkim_zone")
