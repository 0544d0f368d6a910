from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from accounts import notices
from accounts.models import Membership
from accounts.volume import Notice
from domains import needs, resolver, sending_domains, tasks
from domains.models import Domain
from domains.states import State, state_of
from messages import sender
from messages.tests.factories import AccountFactory, UserFactory

HOUR = timedelta(hours=1)


@pytest.fixture
def account(db):
    account = AccountFactory()
    UserFactory(email="owner@alices.example", account=account)
    admin, viewer = UserFactory(email="admin@alices.example"), UserFactory()
    account.membership_set.create(user=admin, role=Membership.Role.ADMIN)
    account.membership_set.create(user=viewer, role=Membership.Role.VIEWER)
    return account


@pytest.fixture
def domain(account):
    # A name of its own each, as they share a world.
    return sending_domains.add(account, f"{uuid4().hex}.example")


def publish(dns, domain):
    for record in needs.of(domain).records:
        dns.publish(record.name, record.type, [record.value])


def withdraw(dns, domain):
    dns.withdraw(domain.mta_domain, "CNAME")


def looks(domain, after=timedelta()):
    """Let time go by until after the next check; return the state then, and when it looks again."""
    passes = after or max(domain.next_check_at - timezone.now(), timedelta())
    for name in ("created_at", "checked_at", "verified_at", "broken_since", "next_check_at"):
        Domain.objects.filter(pk=domain.pk).update(**{name: F(name) - passes})
    tasks.check_domains()
    domain.refresh_from_db()
    return state_of(domain)


def pause(domain):
    return domain.next_check_at - domain.checked_at


def told():
    return list(Notice.objects.order_by("id").values_list("subject", flat=True))


class TestSchedule:
    def test_a_new_domain_is_looked_at_at_once_then_each_minute(self, dns, domain):
        assert state_of(domain) == State.NOT_STARTED

        assert looks(domain) == State.PENDING
        assert pause(domain) == timedelta(minutes=1)
        assert domain.asked == ["127.0.0.1"]

    @pytest.mark.parametrize(("age", "expected"), [(1, HOUR), (71, HOUR), (73, 24 * HOUR)])
    def test_later_each_hour_and_after_72_hours_each_day(self, dns, domain, age, expected):
        looks(domain, after=age * HOUR)

        assert pause(domain) == expected

    def test_a_verified_one_is_looked_at_each_day_for_ever(self, dns, domain):
        publish(dns, domain)
        looks(domain)
        looks(domain, after=500 * 24 * HOUR)

        assert pause(domain) == 24 * HOUR

    def test_one_that_is_not_due_is_let_alone(self, dns, domain):
        looks(domain)
        before = domain.checked_at

        tasks.check_domains()

        domain.refresh_from_db()
        assert domain.checked_at == before

    def test_one_without_a_key_does_not_come_up_again_at_once(self, dns, domain):
        domain.signing_keys.all().delete()

        looks(domain)

        assert domain.checked_at is None
        assert domain.next_check_at > timezone.now() + 23 * HOUR

    def test_many_are_looked_at_in_one_turn(self, dns, account):
        for number in range(30):
            sending_domains.add(account, f"many{number}.alices.example")

        tasks.check_domains()

        assert not Domain.objects.filter(checked_at=None).exists()


class TestLife:
    def test_its_records_appear_one_after_the_other(self, dns, domain):
        _, key, _ = needs.of(domain).records
        dns.publish(key.name, key.type, [key.value])
        assert looks(domain) == State.PARTIALLY_VERIFIED

        publish(dns, domain)

        assert looks(domain) == State.VERIFIED
        assert told() == [f"{domain} is verified"]

    def test_it_is_not_found_for_72_hours(self, dns, domain):
        looks(domain)
        assert looks(domain, after=72 * HOUR) == State.FAILED
        looks(domain)
        assert told() == [f"The DNS records of {domain} were not found"]

        publish(dns, domain)

        assert looks(domain) == State.VERIFIED

    def test_one_that_breaks_has_72_hours(self, dns, domain, account):
        publish(dns, domain)
        looks(domain)
        withdraw(dns, domain)

        assert looks(domain) == State.TEMPORARY_FAILURE
        assert pause(domain) == HOUR
        assert looks(domain, after=71 * HOUR) == State.TEMPORARY_FAILURE
        assert domain.name in may_send_under(account)
        assert looks(domain) == State.FAILED

        assert domain.name not in may_send_under(account)
        assert told()[1:] == [
            f"The DNS records of {domain} are broken",
            f"Sending from {domain} has stopped",
        ]

    def test_it_is_mended_in_time(self, dns, domain):
        publish(dns, domain)
        looks(domain)
        verified_at = domain.verified_at
        withdraw(dns, domain)
        looks(domain)
        publish(dns, domain)

        assert looks(domain) == State.VERIFIED
        assert told()[-1] == f"{domain} is in order again"
        assert domain.verified_at < verified_at + HOUR

    def test_it_comes_back_when_it_had_stopped(self, dns, domain, account):
        publish(dns, domain)
        looks(domain)
        withdraw(dns, domain)
        looks(domain)
        looks(domain, after=73 * HOUR)
        publish(dns, domain)

        assert looks(domain) == State.VERIFIED
        assert domain.name in may_send_under(account)

    def test_silence_of_dns_changes_nothing(self, dns, domain, settings, monkeypatch):
        publish(dns, domain)
        looks(domain)
        monkeypatch.setattr(resolver, "PATIENCE", 0.2)
        settings.DNS_RESOLVERS = ["127.0.0.1:9"]

        assert looks(domain, after=100 * HOUR) == State.VERIFIED
        assert domain.findings[0]["state"] == "unreachable"
        assert pause(domain) == HOUR
        assert told() == [f"{domain} is verified"]


class TestMail:
    def test_owners_and_admins_learn_what_is_wrong(self, dns, domain):
        publish(dns, domain)
        looks(domain)
        notices.send_due()
        mail.outbox.clear()
        withdraw(dns, domain)
        dns.publish(domain.mta_domain, "A", ["192.0.2.1"])
        looks(domain)

        notices.send_due()

        assert {one.to[0] for one in mail.outbox} == {
            "owner@alices.example",
            "admin@alices.example",
        }
        assert f"CNAME {domain.mta_domain}\nFound: A 192.0.2.1" in mail.outbox[0].body
        assert "is still sent, until" in mail.outbox[0].body
        dns.withdraw(domain.mta_domain, "A")


def may_send_under(account):
    credential = account.credentials.create(name="shop")
    return sender.of(credential).domains
