"""The documentation inside the product: every link leads somewhere, every figure is the code's."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts import authentication
from accounts.models import Account
from accounts.tests.people import text_of
from cloudmta import guide
from domains.models import Domain
from messages.policy import MAX_RECIPIENTS
from messages.refusals import Cause
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGES = {slug: reverse("docs-page", args=[slug]) for slug, _, _ in guide.TOPICS}


class Seen(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, page):
        super().__init__()
        self.links, self.anchors = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        if tag == "a":
            self.links.append(known["href"])
        if "id" in known:
            self.anchors.append(known["id"])


def read(path):
    response = Client().get(path, follow=True)
    assert response.status_code == 200, path
    return Seen(response.content.decode())


@pytest.fixture
def alice(client):
    account = AccountFactory(name="Alice's shop")
    client.force_login(UserFactory(account=account))
    client.credential = authentication.create_credential(account, "Web shop")[0]
    Domain.objects.create(account=account, name="alices.example", verified_at="2026-01-01T00:00Z")
    return client


@pytest.mark.parametrize("slug", PAGES)
def test_every_link_and_anchor_leads_somewhere(slug):
    seen = read(PAGES[slug])

    assert len(seen.anchors) == len(set(seen.anchors))
    inside = [link for link in seen.links if not urlsplit(link).netloc]
    for path, anchor in {(urlsplit(link).path, urlsplit(link).fragment) for link in inside}:
        there = read(path) if path else seen
        assert not anchor or anchor in there.anchors, f"{path}#{anchor}"


@pytest.mark.parametrize("slug", PAGES)
def test_no_page_shows_what_was_not_filled_in(slug):
    page = Client().get(PAGES[slug]).content.decode()

    assert not re.search(r"\{\{|\{%|\{#", page)
    assert "<code></code>" not in page


def test_the_index_lists_every_topic():
    page = Client().get(reverse("docs")).content.decode()

    assert all(url in page for url in PAGES.values())


def test_every_file_is_a_topic():
    assert {path.stem for path in guide.FOLDER.iterdir()} == set(PAGES)


def test_a_topic_that_is_none_is_not_found():
    assert Client().get("/docs/nothing/").status_code == 404


def test_a_member_reads_the_values_of_the_own_account(alice):
    page = text_of(alice.get(PAGES["getting-started"]))

    assert f"--auth-user {alice.credential.username}" in page
    assert "hello@alices.example" in page


def test_a_stranger_reads_no_values_of_an_account(alice):
    page = text_of(Client().get(PAGES["getting-started"]))

    assert "--auth-user YOUR-USER-NAME" in page
    assert alice.credential.username not in page
    assert "Log in" in page


def test_limits_are_those_that_are_enforced():
    page = text_of(Client().get(PAGES["limits"]))

    for words in (
        "20, To, Cc and Bcc together", "10 MiB (10,485,760 octets)", "20 of 64 characters",
        "4,096 characters of JSON", "256 characters, remembered for 24 hours", "within 72 hours",
        "vbs exe bin bat chm com hta pif reg vbe vba msc msi scr", "From 8.0 on",
        "150, 250, 400, 700, 1,000, 1,500, 2,000, then 1.3 times", "up to 2,000;",
        "more than 2 days", "notice 2 % 0.05 %", "paused 10 % 0.5 %", "10 a second, 20 at once",
        "30 days messages and their attempts 90 days events 400 days",
    ):  # fmt: skip
        assert words in page, words
    assert f"recipients {MAX_RECIPIENTS}," in page
    assert Account._meta.get_field("max_message_size").default == 10_485_760


def test_figures_follow_the_settings(settings):
    settings.SPAM_LIMIT = 6.5
    settings.RETRY_AFTER = [60, 7200]

    assert "From 6.5 on" in text_of(Client().get(PAGES["limits"]))
    assert "after 1 minute, 2 hours, and then" in text_of(Client().get(PAGES["queues"]))


def test_retries_are_said_in_words():
    assert "1 minute, 5 minutes, 15 minutes, 30 minutes, 1 hour, 2 hours, 4 hours" in text_of(
        Client().get(PAGES["queues"])
    )
    assert "After 48 hours we give up" in text_of(Client().get(PAGES["queues"]))
    assert "given up after 12 hours" in text_of(Client().get(PAGES["queues"]))
    assert "5 seconds, 5 minutes, 30 minutes, 2 hours" in text_of(Client().get(PAGES["webhooks"]))


@pytest.mark.parametrize(
    "cause", [Cause.DOMAIN_NOT_VERIFIED, Cause.TOO_BIG, Cause.ATTACHMENT, Cause.SPAM,
              Cause.RATE_LIMIT, Cause.VOLUME_LIMIT, Cause.ACCOUNT_SUSPENDED],
)  # fmt: skip
def test_refusals_bear_the_codes_of_the_doors(cause):
    page = text_of(Client().get(PAGES["smtp"]))

    assert f"{cause.value.code} {cause.value.status} " in page
