"""Overview: set-up, figures, and the latest problems."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from domains.models import Domain
from events.identifiers import id_at, new_id
from events.models import Kind, Webhook, WebhookPost
from events.tallies import Sums
from messages.tests.factories import AccountFactory, EventFactory, MessageFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("overview")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def alices():
    return AccountFactory(name="Alice's shop")


@pytest.fixture
def alice(client, alices):
    client.force_login(UserFactory(email="alice@alices.example", account=alices))
    return client


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def count(account, kind, amount, tags=()):
    sums = Sums()
    sums.add(kind, account.pk, timezone.now(), 1, tags, "alices.example", ["a.example"] * amount)
    sums.write()


def failed_post(account, error="The endpoint answered 503", **fields):
    webhook = Webhook.objects.create(
        account=account, url="https://hooks.example/", encrypted_secret=b"", **fields
    )
    WebhookPost.objects.create(
        id=new_id(), webhook=webhook, attempt=1, started_at=timezone.now(),
        duration=timedelta(seconds=1), url=webhook.url, request_headers={}, event_count=1,
        error=error,
    )  # fmt: skip


class TestSetUp:
    def test_it_shows_what_is_to_do_with_a_command_to_paste(self, alice):
        page = text_of(alice.get(PAGE))

        assert "Set up: 0 of 5" in page
        assert "swaks --server" in page

    def test_each_step_ticks_itself_and_all_of_them_are_gone(self, alice, alices):
        def done():
            return alice.get(PAGE).context["done"]

        Domain.objects.create(account=alices, name="alices.example", verified_at=timezone.now())
        assert done() == 1
        alices.credentials.create(name="Shop", username="0123456789abcdef")
        assert done() == 2
        MessageFactory(account=alices, is_test=True)
        assert done() == 3
        Webhook.objects.create(account=alices, url="https://hooks.example/", encrypted_secret=b"")
        assert done() == 4
        MessageFactory(account=alices, tags=["order"])
        assert "Set up" not in text_of(alice.get(PAGE))

    def test_a_domain_that_waits_and_a_revoked_credential_tick_nothing(self, alice, alices):
        Domain.objects.create(account=alices, name="alices.example")
        alices.credentials.create(name="Old", username="old", revoked_at=timezone.now())

        assert alice.get(PAGE).context["done"] == 0


class TestFigures:
    def test_tags_are_filters_that_can_be_taken_off(self, alice, alices):
        count(alices, "accepted", 12, tags=["order"])
        count(alices, "accepted", 3)

        page = alice.get(PAGE, {"tag": "order", "period": "24h"})

        assert page.context["tiles"][0].count == 12
        ((pill, amount),) = page.context["pills"]
        assert (pill.word, pill.is_current, pill.url, amount) == ("order", True, "?period=24h", 12)

    def test_in_test_mode_it_says_why_nothing_is_counted(self, alice, alices):
        alices.is_test = True
        alices.save()

        assert "mail is simulated and counts nowhere" in text_of(alice.get(PAGE))


class TestProblems:
    def test_the_latest_five_are_shown_with_why_and_what_was_said(self, alice, alices):
        message = MessageFactory(account=alices)
        EventFactory(message=message)  # a delivery is no problem
        for number in range(6):
            EventFactory(
                message=message, kind=Kind.BOUNCE, recipient=f"carol{number}@example.net",
                details={"reason": "mailbox_full", "smtp_response": "Over quota"},
            )  # fmt: skip

        page = alice.get(PAGE)

        names = [one.what for one in page.context["problems"]]
        assert names == [f"carol{number}@example.net" for number in (5, 4, 3, 2, 1)]
        assert "Their mailbox is full. Over quota" in text_of(page)
        assert reverse("message-detail", args=[message.id]) in page.content.decode()

    def test_a_webhook_that_fails_is_one_of_them_once(self, alice, alices):
        failed_post(alices, failing_since=timezone.now())

        page = text_of(alice.get(PAGE))

        assert page.count("https://hooks.example/") == 1
        assert "Posts to it fail; we go on trying. The endpoint answered 503" in page

    def test_one_that_was_given_up_says_so(self, alice, alices):
        failed_post(alices, is_enabled=False, disabled_for="Every post has failed for 5 days")

        assert "Every post has failed for 5 days" in text_of(alice.get(PAGE))

    def test_what_is_older_than_thirty_days_is_over(self, alice, alices):
        long_ago = timezone.now() - timedelta(days=31)
        EventFactory(
            message__account=alices, kind=Kind.BOUNCE, id=id_at(long_ago), timestamp=long_ago
        )

        assert "Nothing bounced" in text_of(alice.get(PAGE))

    @pytest.mark.parametrize("details", [{}, {"reason": "of the future"}, {"reason": None}])
    def test_a_reason_that_we_do_not_know_has_words_too(self, alice, alices, details):
        EventFactory(message__account=alices, kind=Kind.BLOCKED, details=details)

        assert "They do not say why." in text_of(alice.get(PAGE))


class TestAccess:
    def test_what_strangers_write_is_text(self, alice, alices):
        EventFactory(
            message__account=alices, kind=Kind.BOUNCE, recipient=HOSTILE,
            details={"reason": HOSTILE, "smtp_response": HOSTILE},
        )  # fmt: skip
        failed_post(alices, error=HOSTILE)
        count(alices, "accepted", 1, tags=[HOSTILE])

        page = alice.get(PAGE).content.decode()

        assert "<script>alert" not in page
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4

    def test_bob_sees_nothing_of_alice(self, alices):
        EventFactory(message__account=alices, kind=Kind.BOUNCE, recipient="carol@example.net")
        failed_post(alices)
        count(alices, "accepted", 1, tags=["hush"])
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory(name="Bob")))

        page = text_of(bob.get(PAGE))

        assert not re.search("carol@example.net|hooks.example|hush", page)

    def test_a_viewer_may_look(self, client, alices):
        viewer = UserFactory()
        Membership.objects.create(user=viewer, account=alices, role=Membership.Role.VIEWER)
        client.force_login(viewer)

        assert client.get(PAGE).status_code == 200

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client):
        assert client.get(PAGE).headers["Location"].startswith(reverse("log-in"))

    def test_it_asks_as_often_for_much_as_for_little(self, alice, alices):
        def queries():
            with CaptureQueriesContext(connection) as asked:
                alice.get(PAGE)
            return len(asked)

        failed_post(alices)
        before = queries()
        for number in range(10):
            count(alices, "accepted", 1, tags=[f"tag{number}"])
            EventFactory(message__account=alices, kind=Kind.BOUNCE, tags=["order"])

        assert queries() <= before
        assert before <= 17

    def test_problems_are_found_by_their_index(self, alice):
        with CaptureQueriesContext(connection) as asked:
            alice.get(PAGE)
        (sql,) = [one["sql"] for one in asked if 'FROM "events_event"' in one["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "event_of_trouble" in plan
