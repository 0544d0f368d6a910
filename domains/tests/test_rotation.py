"""A key is replaced without a gap: what DNS must show, who signs meanwhile, and when it ends."""

import os
import re
from datetime import timedelta

import dkim as dkimpy
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import vault
from domains import keys, rotation, signing
from domains.models import Algorithm, Domain, KeyState, SigningKey
from domains.signing import Keyring
from domains.tests.test_api import DOMAINS, added, limited, published

FIELDS = [b"From: a@alices.example\r\n", b"Subject: Hello\r\n"]
BODY = b"Hello\r\n"


@pytest.fixture
def domain(alice, dns):
    """A verified domain of Alice's."""
    shown = added(alice)
    published(dns, shown)
    assert alice.call("post", f"{DOMAINS}/{shown['id']}/verify").status_code == 200
    return Domain.objects.get()


def rotate(caller, domain, **body):
    return caller.call("post", f"{DOMAINS}/{domain.public_id}/rotate", body)


def publish(dns, key):
    dns.publish(key.record_name, "TXT", [keys.dkim_record(key.public_key, key.algorithm)])


def in_time(key):
    """Move what was seen of a key into the past, as if the watch were over."""
    key.refresh_from_db()
    if key.seen_since:
        key.seen_since -= rotation.WATCHED_FOR
        key.save()


def seen(key):
    """Have DNS looked at until the key signs; say whether it does."""
    for _ in range(rotation.SIGHTINGS - 1):
        assert not rotation.look_at([key])
    in_time(key)
    return rotation.look_at([key])


def signatures(domain, accepted_at):
    """Return what a worker puts in front of a message that was accepted then."""
    identity = Keyring().identity(domain.account_id, domain.name)
    return identity.sign(FIELDS, BODY, accepted_at)


def selectors(domain, accepted_at):
    return re.findall(rb" s=(\w+);", signatures(domain, accepted_at))


def states(domain):
    return [key.state for key in domain.signing_keys.order_by("id")]


class TestNext:
    def test_it_signs_once_dns_has_shown_it_for_a_while(self, alice, domain, dns):
        answer = rotate(alice, domain)

        assert answer.status_code == 202
        _, shown = answer.json()["dkim_keys"]
        assert (shown["state"], shown["type"]) == ("next", "TXT")
        key = domain.signing_keys.get(state=KeyState.NEXT)
        assert shown["value"] == keys.dkim_record(key.public_key)
        publish(dns, key)
        assert states(domain) == ["active", "next"]
        assert seen(key)
        assert states(domain) == ["old", "active"]

    def test_until_then_the_old_one_signs(self, alice, domain):
        (old,) = domain.signing_keys.all()
        rotate(alice, domain)

        assert selectors(domain, timezone.now()) == [old.selector.encode()]

    def test_one_look_is_not_enough_nor_are_many_at_once(self, alice, domain, dns):
        key = rotation.begin(domain)
        publish(dns, key)

        assert not any(rotation.look_at([key]) for _ in range(rotation.SIGHTINGS + 2))
        in_time(key)
        assert rotation.look_at([key])

    def test_what_goes_away_counts_from_the_beginning(self, domain, dns):
        key = rotation.begin(domain)
        publish(dns, key)
        rotation.look_at([key])
        dns.withdraw(key.record_name, "TXT")
        rotation.look_at([key])

        key.refresh_from_db()
        assert (key.sightings, key.seen_since) == (0, None)
        assert key.advice == "There is no record."

    def test_trouble_with_dns_counts_for_nothing(self, domain, dns, settings):
        key = rotation.begin(domain)
        publish(dns, key)
        rotation.look_at([key])
        settings.DNS_RESOLVERS = ["127.0.0.1:1"]
        rotation.look_at([key])

        key.refresh_from_db()
        assert key.sightings == 1
        assert key.looked_at > key.seen_since

    @pytest.mark.parametrize("text", ["v=DKIM1; p=AAAA", "v=DKIM1; k=rsa; p="])
    def test_another_record_is_none(self, domain, dns, text):
        key = rotation.begin(domain)
        dns.publish(key.record_name, "TXT", [text])

        assert not seen(key)
        assert states(domain) == ["active", "next"]

    def test_one_that_cannot_be_opened_never_signs(self, domain, dns):
        key = rotation.begin(domain)
        publish(dns, key)
        SigningKey.objects.filter(pk=key.pk).update(encrypted_private_key=b"damaged")

        assert not seen(key)
        assert states(domain) == ["active", "next"]

    def test_there_is_one_at_a_time(self, alice, domain):
        first, second = rotate(alice, domain).json(), rotate(alice, domain).json()

        assert first == second
        assert states(domain) == ["active", "next"]

    def test_it_is_found_where_the_domain_signs(self, domain, dns):
        Domain.objects.update(signs_as_mta=True)
        domain.refresh_from_db()

        assert rotation.begin(domain).record_name.endswith("._domainkey.mta.alices.example")

    def test_housekeeping_looks_for_all_of_them(self, domain, dns):
        key = rotation.begin(domain)
        publish(dns, key)

        rotation.look_after()

        key.refresh_from_db()
        assert key.sightings == 1


class TestAfterwards:
    @pytest.fixture
    def old_and_new(self, domain, dns):
        (old,) = domain.signing_keys.all()
        new = rotation.begin(domain)
        publish(dns, new)
        assert seen(new)
        old.refresh_from_db()
        new.refresh_from_db()
        return old, new

    def test_mail_is_signed_by_the_time_of_its_acceptance(self, domain, old_and_new):
        old, new = old_and_new
        begins = new.signs_from

        assert begins > timezone.now()
        assert selectors(domain, begins - timedelta(seconds=1)) == [old.selector.encode()]
        assert selectors(domain, begins) == [new.selector.encode()]

    def test_each_attempt_sends_the_same_bytes(self, domain, old_and_new):
        accepted_at = timezone.now() - timedelta(hours=1)

        assert signatures(domain, accepted_at) == signatures(domain, accepted_at)

    def test_both_verify_by_what_dns_shows(self, domain, old_and_new):
        records = {
            key.record_name: keys.dkim_record(key.public_key) for key in rotation.live(domain)
        }
        for moment in (timezone.now(), timezone.now() + timedelta(hours=1)):
            message = b"".join([signatures(domain, moment), *FIELDS, b"\r\n", BODY])
            assert dkimpy.verify(
                message, dnsfunc=lambda name, timeout: records[name.decode()[:-1]].encode()
            )

    def test_the_page_of_the_domain_shows_the_new_record_as_found(self, alice, old_and_new):
        _, new = old_and_new
        shown = alice.call("get", f"{DOMAINS}/{new.domain.public_id}").json()

        assert shown["dkim_selector"] == new.selector
        assert shown["records"][1]["state"] == "verified"
        assert shown["dkim_keys"][0]["advice"].startswith("Keep the record until ")

    def test_the_old_one_goes_when_its_last_mail_is_gone(self, domain, old_and_new):
        old, new = old_and_new
        rotation.retire()
        assert states(domain) == ["old", "active"]

        old.signs_until = timezone.now() - rotation.KEEP_OLD - timedelta(seconds=1)
        old.save()
        rotation.look_after()

        old.refresh_from_db()
        assert (old.state, bytes(old.encrypted_private_key)) == ("retired", b"")
        assert [key.pk for key in rotation.live(domain)] == [new.pk]
        # What has waited for so long is signed nevertheless.
        assert selectors(domain, timezone.now() - timedelta(days=20)) == [new.selector.encode()]


class TestWhoMay:
    def test_a_domain_must_be_verified_first(self, alice, dns):
        domain = Domain.objects.get(public_id=added(alice)["id"])

        answer = rotate(alice, domain)

        assert (answer.status_code, answer.json()["code"]) == (409, "rotation_refused")

    def test_bobs_domain_is_not_there(self, bob, domain):
        assert rotate(bob, domain).status_code == 404
        assert states(domain) == ["active"]

    def test_the_scope_admin_is_needed(self, alice, domain):
        call = limited(alice, scopes=["read", "send"])

        assert call("post", f"{DOMAINS}/{domain.public_id}/rotate", {}).status_code == 403

    def test_strange_algorithms_are_refused(self, alice, domain):
        assert rotate(alice, domain, algorithm="rsa-sha1").status_code == 422


class TestEd25519:
    def test_it_is_off(self, alice, domain):
        answer = rotate(alice, domain, algorithm="ed25519-sha256")

        assert (answer.status_code, answer.json()["code"]) == (409, "rotation_refused")

    def test_it_signs_beside_rsa(self, alice, domain, dns, settings):
        settings.SIGN_ED25519 = True
        assert rotate(alice, domain, algorithm="ed25519-sha256").status_code == 202
        key = domain.signing_keys.get(algorithm=Algorithm.ED25519)
        publish(dns, key)
        assert seen(key)

        later = timezone.now() + timedelta(hours=1)
        algorithms = re.findall(rb"a=([\w-]+);", signatures(domain, later))
        assert algorithms == [b"ed25519-sha256", b"rsa-sha256"]
        settings.SIGN_ED25519 = False
        assert len(selectors(domain, later)) == 1


class TestOperator:
    @pytest.fixture
    def operator(self, settings, tmp_path):
        settings.OPERATOR_SIGNING_DOMAIN = "operator.example"
        settings.OPERATOR_SIGNING_KEY_FILE = str(tmp_path / "keys" / "operator.pem")
        signing.operator_signers.cache_clear()
        yield settings
        signing.operator_signers.cache_clear()

    def test_it_signs_beside_the_customer(self, domain, operator, capsys):
        call_command("operator_key")
        name, type, record = capsys.readouterr().out.strip().split("  ")

        message = b"".join([signatures(domain, timezone.now()), *FIELDS, b"\r\n", BODY])

        (key,) = domain.signing_keys.all()
        records = {key.record_name: keys.dkim_record(key.public_key), name: record}
        verifier = dkimpy.DKIM(message)
        for number in range(2):
            assert verifier.verify(
                number, dnsfunc=lambda asked, timeout: records[asked.decode()[:-1]].encode()
            )
        assert (name, type) == ("cloudmta._domainkey.operator.example", "TXT")

    def test_the_key_is_made_once_and_is_for_us_alone(self, operator, capsys):
        call_command("operator_key")
        first = capsys.readouterr().out
        signing.operator_signers.cache_clear()
        call_command("operator_key")

        assert capsys.readouterr().out == first
        path = operator.OPERATOR_SIGNING_KEY_FILE
        assert os.stat(path).st_mode & 0o077 == 0

    @pytest.mark.django_db
    def test_without_a_key_no_worker_starts(self, operator):
        with pytest.raises(CommandError, match="`python manage.py operator_key` makes one"):
            call_command("worker", "standard")


class TestMasterKeys:
    def test_after_reencrypt_the_old_key_can_go(self, domain, settings, capsys):
        settings.MASTER_KEYS = ["new", *settings.MASTER_KEYS]
        call_command("reencrypt")
        settings.MASTER_KEYS = ["new"]

        assert "1 secrets" in capsys.readouterr().out
        assert selectors(domain, timezone.now())
        with pytest.raises(vault.KeyUnreadable):
            vault.decrypt(b"gAAAAA")

    def test_what_opens_with_no_key_is_named(self, domain, settings):
        (key,) = domain.signing_keys.all()
        settings.MASTER_KEYS = ["another"]

        with pytest.raises(CommandError, match=f"domains.SigningKey {key.pk}"):
            call_command("reencrypt")
