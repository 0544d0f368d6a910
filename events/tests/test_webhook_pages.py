"""What members see of webhooks on their pages, and change there."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from accounts.models import AuditEntry
from accounts.tests.people import Shop, is_sure, text_of
from events import webhook_standing, webhooks
from events.identifiers import new_id
from events.models import News, Webhook, WebhookBatch, WebhookPost
from events.tests.receivers import receiving
from messages.tests.factories import AccountFactory, EventFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST, NEW = reverse("webhook-list"), reverse("webhook-new")
URL = "https://hooks.alices.example/mail"
HOSTILE = "<script>alert(1)</script>"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{20,}")


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def developer(client, shop):
    client.force_login(shop.developer)
    is_sure(client)
    return client


@pytest.fixture
def webhook(shop):
    return webhooks.create(shop.account, URL)[0]


def at(name, *things):
    return reverse(f"webhook-{name}", args=[getattr(thing, "pk", thing) for thing in things])


def posted(webhook, error="", **fields):
    usual = {
        "attempt": 1, "started_at": timezone.now(), "duration": timedelta(seconds=0.2),
        "url": webhook.url, "request_headers": {"webhook-id": "evt_1"}, "event_count": 1,
        "response_status": 500 if error else 204, "error": error,
    }  # fmt: skip
    return WebhookPost.objects.create(id=new_id(), webhook=webhook, **usual | fields)


def batched(webhook, *events, **fields):
    return WebhookBatch.objects.create(
        id=new_id(), webhook=webhook, event_ids=[one.id for one in events],
        message_ids=[one.message_id for one in events], **fields,
    )  # fmt: skip


class TestStanding:
    def of(self, webhook, **fields):
        Webhook.objects.filter(pk=webhook.pk).update(**fields)
        (standing,) = webhook_standing.of([Webhook.objects.get(pk=webhook.pk)])
        return standing

    @pytest.mark.parametrize(
        ("fields", "word", "words"),
        [
            ({}, "nothing posted yet", ""),
            ({"failures": 1}, "failing", "1 post failed in a row. We try again."),
            ({"failures": 3}, "breaker open", "3 posts failed in a row. One post at a time"),
            ({"is_enabled": False}, "disabled", "You have disabled it."),
            ({"is_enabled": False, "disabled_for": "It said 410"}, "disabled", "It said 410."),
        ],
    )
    def test_it_is_said_in_a_word_and_a_sentence(self, webhook, fields, word, words):
        standing = self.of(webhook, **fields)

        assert standing.chip.word == word
        assert standing.words.startswith(words)

    def test_until_when_it_is_left_alone_is_said(self, webhook):
        later = timezone.now() + timedelta(minutes=4)

        assert "left alone until" in self.of(webhook, failures=5, paused_until=later).words

    def test_it_works_since_a_success(self, webhook):
        success = posted(webhook)
        posted(webhook, error="No answer")

        standing = self.of(webhook)

        assert standing.chip.word == "working"
        assert standing.last_success == success.started_at

    def test_what_waits_is_counted_up_to_a_bound(self, webhook, monkeypatch):
        events = [EventFactory(account=webhook.account) for _ in range(3)]
        batched(webhook, *events)
        batched(webhook, events[0], state="delivered")
        for event in events:
            News.objects.create(webhook=webhook, event_id=event.id, message_id=event.message_id)

        assert self.of(webhook).waiting_words == "6"
        monkeypatch.setattr(webhook_standing, "MOST_COUNTED", 2)
        assert self.of(webhook).waiting_words == "more than 2"


class TestList:
    def test_it_says_how_each_stands(self, developer, webhook, shop):
        posted(webhook)
        webhooks.create(shop.account, "https://u:pass@other.example/", kinds=["bounce"])

        response = developer.get(LIST)

        page = text_of(response)
        assert f"{URL} all kinds of events ✓ working just now 0" in page
        assert "https://u:***@other.example/ bounce ○ nothing posted yet" in page
        assert "pass@" not in response.content.decode()

    def test_without_any_it_shows_the_next_step(self, developer):
        page = developer.get(LIST).content.decode()

        assert "No webhooks yet" in page
        assert page.count(f'href="{NEW}"') == 2

    def test_the_number_of_queries_does_not_grow(self, developer, shop, django_assert_num_queries):
        for number in range(10):
            posted(webhooks.create(shop.account, f"{URL}/{number}")[0])

        # Session, user, memberships, webhooks, their figures, today's volume.
        with django_assert_num_queries(6):
            developer.get(LIST)


class TestNew:
    def test_its_secret_is_shown_once(self, developer, shop):
        assert developer.get(NEW).status_code == 200
        response = developer.post(NEW, {"url": URL, "kinds": ["bounce", "open"]})

        webhook = Webhook.objects.get()
        (secret,) = set(SECRET.findall(response.content.decode()))
        assert webhooks.secrets_of(webhook, timezone.now()) == [secret]
        assert (webhook.account, webhook.kinds) == (shop.account, ["bounce", "open"])
        assert response.headers["Cache-Control"] == "no-store"
        assert AuditEntry.objects.get().thing == URL
        for address in (LIST, at("detail", webhook), at("edit", webhook)):
            assert not SECRET.search(developer.get(address).content.decode())

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"url": "ftp://x.example/"}, "The URL must begin with https://"),
            ({"url": "https://10.0.0.1/"}, "no address of the public Internet"),
            ({"url": ""}, "This field is required"),
            ({"url": URL, "kinds": ["lost"]}, "lost is not one of the available choices"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, developer, fields, words):
        response = developer.post(NEW, fields)

        assert response.status_code == 422
        assert words in text_of(response)
        assert not Webhook.objects.exists()

    def test_there_is_a_limit(self, developer, shop, webhook, monkeypatch):
        monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 1)

        assert "at most 1 webhooks: delete one" in text_of(developer.post(NEW, {"url": URL}))

    def test_a_member_must_be_sure_to_be_who_they_are(self, client, shop, webhook):
        client.force_login(shop.developer)

        for address in (NEW, at("secret", webhook)):
            response = client.post(address, {"url": URL})
            assert reverse("account_reauthenticate") in response.headers["Location"]
        assert Webhook.objects.count() == 1


class TestSnippets:
    def test_the_one_for_python_takes_what_we_post(self, developer, shop):
        with receiving() as receiver:
            response = developer.post(NEW, {"url": receiver.url})
            developer.post(at("test", Webhook.objects.get()), {"kind": "bounce"})
        (post,) = receiver.posts
        names = {"request": SimpleNamespace(body=post.body, headers=post.headers)}

        exec(response.context["python"], names)

        assert names["events"] == post.events
        assert names["Webhook"] is Verifier


class TestChange:
    def test_url_and_kinds_can_be_changed(self, developer, webhook):
        developer.post(at("edit", webhook), {"url": f"{URL}/2", "kinds": ["click"]})

        webhook.refresh_from_db()
        assert (webhook.url, webhook.kinds) == (f"{URL}/2", ["click"])

    def test_a_password_that_is_not_shown_stays(self, developer, shop):
        webhook, _ = webhooks.create(shop.account, "https://u:pass@other.example/x")
        page = developer.get(at("edit", webhook)).content.decode()
        assert 'value="https://u:***@other.example/x"' in page

        developer.post(at("edit", webhook), {"url": "https://u:***@other.example/x"})
        again = developer.post(at("edit", webhook), {"url": "https://u:***@other.example/y"})

        webhook.refresh_from_db()
        assert webhook.url == "https://u:pass@other.example/x"
        assert "stands for a password that is not shown" in text_of(again)
        assert not AuditEntry.objects.filter(thing__contains="pass@").exists()

    def test_a_new_secret_is_shown_once_and_the_old_one_signs_for_a_day(self, developer, webhook):
        old = webhooks.secrets_of(webhook, timezone.now())
        assert "For 24 hours" in text_of(developer.get(at("secret", webhook)))

        response = developer.post(at("secret", webhook))

        webhook.refresh_from_db()
        (secret,) = set(SECRET.findall(response.content.decode()))
        assert webhooks.secrets_of(webhook, timezone.now()) == [secret, *old]

    def test_it_is_disabled_and_enabled(self, developer, webhook):
        page = text_of(developer.post(at("switch", webhook), {"enable": "no"}, follow=True))
        webhook.refresh_from_db()
        assert not webhook.is_enabled
        assert "⊘ disabled You have disabled it." in page

        developer.post(at("switch", webhook), {"enable": "yes"})
        webhook.refresh_from_db()
        assert webhook.is_enabled

    def test_it_is_deleted_after_one_question(self, developer, webhook):
        posted(webhook)
        assert f"Delete the webhook {URL}?" in text_of(developer.get(at("delete", webhook)))

        assert "The webhook is deleted." in text_of(
            developer.post(at("delete", webhook), follow=True)
        )
        assert not Webhook.objects.exists()


class TestLog:
    def test_it_lists_posts_by_outcome_and_by_key(self, developer, webhook, monkeypatch):
        monkeypatch.setattr("events.webhook_pages.PAGE", 2)
        for _ in range(3):
            posted(webhook, error="The endpoint answered 500")
        posted(webhook)
        address = at("detail", webhook)

        assert len(developer.get(address).context["posts"]) == 2
        first = developer.get(address, {"outcome": "failed"})
        older = re.search(r'rel="next" href="([^"]+)"', first.content.decode())[1]
        rest = developer.get(older.replace("&amp;", "&"))

        assert len(first.context["posts"]) == 2
        assert len(rest.context["posts"]) == 1
        assert "✕ 500 The endpoint answered 500" in text_of(rest)
        assert len(developer.get(address, {"outcome": "succeeded"}).context["posts"]) == 1

    @pytest.mark.parametrize("query", [{"outcome": "x"}, {"before": "x"}])
    def test_strange_questions_find_nothing(self, developer, webhook, query):
        assert developer.get(at("detail", webhook), query).status_code == 404

    def test_a_post_shows_request_and_response_as_text(self, developer, webhook):
        event = EventFactory(account=webhook.account, recipient=HOSTILE)
        post = posted(
            webhook, error=HOSTILE, batch=batched(webhook, event), response_status=500,
            response_headers={"X-Why": HOSTILE}, response_body=HOSTILE,
        )  # fmt: skip

        for address in (at("post", webhook, post), at("detail", webhook)):
            page = developer.get(address).content.decode()
            assert HOSTILE not in page
            assert "&lt;script&gt;" in page
        shown = text_of(developer.get(at("post", webhook, post)))
        assert "webhook-id: evt_1" in shown
        assert str(event.id) in shown

    def test_a_post_whose_events_are_gone_is_still_shown(self, developer, webhook):
        batch = batched(webhook, EventFactory(account=webhook.account))
        post = posted(webhook, batch=batch)
        WebhookBatch.objects.all().delete()

        assert "The body is gone" in text_of(developer.get(at("post", webhook, post)))

    def test_the_state_is_asked_for_again_only_while_something_waits(self, developer, webhook):
        assert "hx-trigger" not in developer.get(at("state", webhook)).content.decode()

        batched(webhook, EventFactory(account=webhook.account))

        assert 'hx-trigger="every 3s"' in developer.get(at("state", webhook)).content.decode()


class TestTrial:
    def test_it_shows_what_was_posted_and_what_came_back(self, developer, shop):
        answer = (503, {"X-Why": HOSTILE}, HOSTILE.encode())
        with receiving(answer=lambda post: answer) as receiver:
            webhook, _ = webhooks.create(shop.account, receiver.url)
            response = developer.post(at("test", webhook), {"kind": "bounce"})

        page = text_of(response)
        assert "✕ 503 The endpoint answered 503" in page
        assert "&quot;kind&quot;: &quot;bounce&quot;" in page
        assert "X-Why: &lt;script&gt;" in page
        assert "Posts of the last 14 days" in page
        assert HOSTILE not in response.content.decode()

    def test_htmx_gets_the_part_alone(self, developer, shop):
        with receiving() as receiver:
            webhook, _ = webhooks.create(shop.account, receiver.url)
            headers = {"HX-Request": "true"}
            response = developer.post(at("test", webhook), {"kind": "open"}, headers=headers)

        assert "✓ 204" in text_of(response)
        assert "✓ working" in text_of(response)
        assert "<html" not in response.content.decode()

    def test_a_second_one_at_the_same_time_is_told_to_wait(self, developer, webhook):
        Webhook.objects.update(testing_until=timezone.now() + timedelta(seconds=9))

        page = text_of(developer.post(at("test", webhook), {"kind": "open"}))

        assert "A test of a webhook of this account is running" in page


class TestReplay:
    @pytest.fixture
    def event(self, webhook):
        # Of some time ago, so that no transaction may still write an older one.
        return EventFactory(
            account=webhook.account, id="01900000-0000-4000-8000-000000000001", tags=["shop"]
        )

    def waiting(self):
        return [str(one.event_id) for one in News.objects.all()]

    def test_the_events_of_a_post_are_posted_again(self, developer, webhook, event):
        post = posted(webhook, batch=batched(webhook, event, state="failed"))

        page = text_of(developer.post(at("post-replay", webhook, post), follow=True))

        assert "1 event will be posted again" in page
        assert self.waiting() == [str(event.id)]

    def test_a_sample_cannot_be(self, developer, webhook):
        page = developer.post(at("post-replay", webhook, posted(webhook)), follow=True)

        assert "repeat the test" in text_of(page)

    @pytest.mark.parametrize(
        ("asked", "count"),
        [
            ({"since": "2020-01-01T00:00"}, 1),
            ({"since": "2020-01-01T00:00", "tag": "shop", "kinds": ["delivery"]}, 1),
            ({"since": "2020-01-01T00:00", "tag": "other"}, 0),
            ({"since": "2020-01-01T00:00", "until": "2021-01-01T00:00"}, 0),
            ({"since": "2020-01-01T00:00", "recipient": "carol@example.net"}, 1),
        ],
    )
    def test_a_filter_says_which(self, developer, webhook, event, asked, count):
        response = developer.post(at("replay", webhook), asked)

        assert response.status_code == 302
        assert len(self.waiting()) == count

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({}, "Say from when on"),
            ({"since": "soon"}, "Enter a valid date/time"),
            ({"since": "2021-01-01", "until": "2020-01-01"}, "must begin before it ends"),
            ({"message_id": "x"}, "Enter a valid UUID"),
        ],
    )
    def test_what_is_unclear_is_said(self, developer, webhook, event, asked, words):
        response = developer.post(at("replay", webhook), asked)

        assert response.status_code == 422
        assert words in text_of(response)
        assert not self.waiting()

    def test_a_webhook_that_is_disabled_takes_none(self, developer, webhook, event):
        Webhook.objects.update(is_enabled=False)

        response = developer.post(at("replay", webhook), {"since": "2020-01-01"})

        assert "The webhook is disabled: enable it first." in text_of(response)


class TestAccess:
    LOOKS = ("detail", "state")
    CHANGES = ("edit", "secret", "switch", "delete", "test", "replay")

    def addresses(self, webhook):
        post = posted(webhook)
        looks = [at(name, webhook) for name in self.LOOKS] + [at("post", webhook, post)]
        changes = [at(name, webhook) for name in self.CHANGES]
        return looks, [*changes, at("post-replay", webhook, post)]

    def test_a_viewer_looks_at_no_secret_and_changes_nothing(self, client, shop, webhook):
        client.force_login(shop.viewer)
        looks, changes = self.addresses(webhook)

        for address in (LIST, *looks):
            page = client.get(address)
            assert page.status_code == 200
            assert not SECRET.search(page.content.decode())
            assert not any(f'"{change}"' in page.content.decode() for change in (NEW, *changes))
        for address in (NEW, *changes):
            assert client.post(address).status_code == 403

    def test_bob_finds_nothing_of_alices(self, webhook):
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory()))
        is_sure(bob)
        looks, changes = self.addresses(webhook)

        assert URL not in bob.get(LIST).content.decode()
        assert all(bob.get(address).status_code == 404 for address in looks)
        assert all(bob.post(address).status_code == 404 for address in changes)
        assert Webhook.objects.exists()

    def test_a_post_of_another_webhook_is_not_found(self, developer, shop, webhook):
        other, _ = webhooks.create(shop.account, URL)

        assert developer.get(at("post", other, posted(webhook))).status_code == 404

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, webhook):
        looks, changes = self.addresses(webhook)

        for address in (LIST, NEW, *looks, *changes):
            method = client.get if address in (LIST, NEW, *looks) else client.post
            assert method(address).headers["Location"].startswith(reverse("log-in"))
