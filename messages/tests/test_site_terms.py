"""Which terms hold for which exchangers, and what replies ask for."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from messages.exchangers import Exchangers
from messages.shaping import book, rules
from messages.shaping.book import Book
from messages.shaping.limits import DEFAULT
from messages.shaping.providers import PROVIDERS, provider_of
from messages.site_override import SiteOverride
from messages.smtp.replies import Reply


def exchangers(*hosts):
    return Exchangers((hosts,))


class TestProviders:
    @pytest.mark.parametrize(
        ("hosts", "name"),
        [
            (["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "Google"),
            (["contoso-com.mail.protection.outlook.com"], "Microsoft 365"),
            (["contoso-com.h-v1.mx.microsoft"], "Microsoft 365"),
            (["outlook-com.olc.protection.outlook.com"], "Outlook.com"),
            (["mta5.am0.yahoodns.net"], "Yahoo"),
            # One foreign host makes it nobody's: it was set up for something else.
            (["aspmx.l.google.com", "mx.example.net"], None),
            (["evilgoogle.com"], None),
            (["mx.google.com.example.net"], None),
        ],
    )
    def test_all_hosts_must_be_theirs(self, hosts, name):
        provider = provider_of(hosts)
        assert (provider and provider.name) == name

    def test_no_host_belongs_to_two(self):
        suffixes = [(suffix, one.name) for one in PROVIDERS for suffix in one.suffixes]
        for suffix, name in suffixes:
            assert provider_of([f"mx.{suffix}"]).name == name

    def test_tenants_of_one_provider_are_sites_of_one_group(self):
        tenants = [f"t{number}.mail.protection.outlook.com" for number in range(3)]
        terms = [Book().terms(exchangers(tenant)) for tenant in tenants]

        assert len({one.site for one in terms}) == 3
        assert {(one.group, one.total.connections) for one in terms} == {("Microsoft 365", 50)}

    def test_equal_exchangers_are_one_site_whatever_their_order(self):
        assert book.key_of(exchangers("a.test", "b.test")) == book.key_of(
            exchangers("b.test", "a.test")
        )
        assert book.key_of(Exchangers((("a.test",), ("b.test",)))) != book.key_of(
            exchangers("a.test", "b.test")
        )


class TestOverrides:
    def test_a_site_that_nobody_knows_has_the_default(self):
        assert Book().terms(exchangers("mx.example.net")).each == DEFAULT

    def test_the_longest_name_decides_and_the_rest_stays_as_shipped(self):
        terms = Book(
            [
                SiteOverride(suffix="google.com", connections=2),
                SiteOverride(suffix="aspmx.l.google.com", connections=3, note="Agreed"),
            ]
        ).terms(exchangers("aspmx.l.google.com", "alt1.aspmx.l.google.com"))

        assert (terms.each.connections, terms.note) == (3, "Agreed")
        assert (terms.each.messages_per_connection, terms.total.connections) == (50, 20)

    def test_one_with_totals_makes_a_group_of_its_own(self):
        found = Book([SiteOverride(suffix="example.net", total_connections=4)])

        assert found.terms(exchangers("mx1.example.net")).group == "example.net"
        assert found.terms(exchangers("mx1.example.net", "mx.example.com")).group is None

    def test_workers_learn_of_a_change(self):
        found = Book()
        version, until = found.version, timezone.now() + timedelta(hours=1)
        found.update([SiteOverride(suffix="example.net", suspended_until=until)])
        assert found.version != version
        assert found.terms(exchangers("mx.example.net")).suspended_until == until

        version = found.version
        found.update([SiteOverride(suffix="example.net", suspended_until=until)])
        assert found.version == version

    @pytest.mark.parametrize(
        ("written", "kept"),
        [("*.Example.NET.", "example.net"), ("mx.bücher.example", "mx.xn--bcher-kva.example")],
    )
    def test_names_are_kept_as_dns_compares_them(self, written, kept):
        override = SiteOverride(suffix=written)
        override.clean()
        assert override.suffix == kept

    @pytest.mark.parametrize("written", ["", "mx example", "a..b", "1.2.3.4/8", "x" * 300])
    def test_what_is_no_name_is_refused(self, written):
        with pytest.raises(ValidationError):
            SiteOverride(suffix=written).clean()


class TestRules:
    def heard(self, text, provider=None, *, is_remote=True):
        reply = Reply(421, "4.7.0", text, is_remote)
        return [rule.name for rule in rules.matching(reply, provider)]

    @pytest.mark.parametrize(
        ("text", "provider", "name"),
        [
            ("[TS04] Messages temporarily deferred", "Yahoo", "Yahoo defers for complaints"),
            (
                "Our system has detected an unusual rate of unsolicited mail",
                "Google", "Google sees an unusual rate",
            ),
            (
                "has exceeded the maximum number of connections",
                "Outlook.com", "Microsoft counts connections",
            ),
            ("You are sending too fast", None, "The site asks us to slow down"),
            ("listed at zen.spamhaus.org", None, "The site finds us on a block list"),
        ],
    )  # fmt: skip
    def test_known_words_are_understood(self, text, provider, name):
        assert self.heard(text, provider) == [name]

    def test_those_of_one_provider_mean_nothing_elsewhere(self):
        assert self.heard("[TS04] Messages temporarily deferred") == []

    def test_our_own_words_never_count(self):
        assert self.heard("You are sending too fast", is_remote=False) == []

    @pytest.mark.parametrize(
        "text", ["Greylisted, please try again later", "No such user", "Mailbox full", "Busy"]
    )
    def test_ordinary_refusals_ask_for_nothing(self, text):
        assert self.heard(text) == []

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            ("4.2.2", "The mailbox holds too many messages"),
            ("4.2.1", "The recipient gets too many messages, slow down"),
            ("4.1.1", "Verification of the address is throttled"),
        ],
    )
    def test_what_is_said_about_a_mailbox_is_not_about_the_site(self, status, text):
        assert rules.matching(Reply(450, status, text, is_remote=True), None) == []
