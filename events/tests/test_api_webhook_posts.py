from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks import Webhook as Verifier

from events import replay, trials
from events.models import Event, Kind, News, Webhook, WebhookPost
from events.tests.posting_driver import happen, pass_time, post_all
from events.tests.receivers import receiving
from messages.tests.factories import EventFactory, MessageFactory

NOBODY = "01a20e2e-7f9a-4968-97cb-a5edbab988e8"


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def made(caller, url="https://hooks.alices.example/", **fields):
    response = caller.call("post", "webhooks", {"url": url} | fields)
    assert response.status_code == 201, response.content
    return response.json()


def old_id(number):
    """Return the id of an event of some time ago, so that it is settled."""
    return f"01900000-0000-4000-8000-00000000000{number}"


def posts(caller, webhook, query=""):
    return caller.call("get", f"webhooks/{webhook['id']}/posts{query}").json()["data"]


@pytest.mark.django_db(transaction=True)
class TestLog:
    def test_each_post_is_told_with_its_request_and_the_response(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: (500, {"X-Why": "no"}, b"Sorry")
        happen(alice.account, 2)
        post_all()
        receiver.answer = lambda post: (200, {}, b"Thanks")
        pass_time(seconds=7)
        post_all()

        second, first = posts(alice, webhook)

        (refused,), (taken,) = receiver.refused, receiver.posts
        assert first["webhook_id"] == second["webhook_id"] == taken.name
        assert (first["attempt"], first["response_status"]) == (1, 500)
        assert (first["error"], first["event_count"]) == ("The endpoint answered 500", 2)
        assert first["next_attempt_at"] > first["started_at"]
        assert (second["attempt"], second["response_status"], second["error"]) == (2, 200, "")
        assert second["next_attempt_at"] is None
        whole = alice.call("get", f"webhooks/{webhook['id']}/posts/{first['id']}").json()
        assert whole["request_body"].encode() == refused.body
        assert (
            whole["request_headers"].items()
            <= {name: refused.headers[name.lower()] for name in whole["request_headers"]}.items()
        )
        assert whole["response_headers"]["X-Why"] == "no"
        assert whole["response_body"] == "Sorry"

    def test_it_can_be_narrowed_to_what_failed(self, alice, receiver):
        webhook = made(alice, receiver.url)
        happen(alice.account)
        receiver.answer = lambda post: 500
        post_all()
        receiver.answer = lambda post: 200
        pass_time(seconds=7)
        post_all()

        assert [row["attempt"] for row in posts(alice, webhook, "?outcome=failed")] == [1]
        assert [row["attempt"] for row in posts(alice, webhook, "?outcome=succeeded")] == [2]
        response = alice.call("get", f"webhooks/{webhook['id']}/posts?outcome=x")
        assert response.status_code == 422

    def test_the_webhook_shows_how_its_endpoint_behaves(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: 410
        happen(alice.account)
        post_all()

        shown = alice.call("get", f"webhooks/{webhook['id']}").json()

        assert (shown["is_enabled"], shown["failures"]) == (False, 1)
        assert "410" in shown["disabled_for"]
        enabled = alice.call("patch", f"webhooks/{webhook['id']}", {"is_enabled": True}).json()
        assert (enabled["disabled_for"], enabled["failures"]) == ("", 0)
        assert enabled["failing_since"] is enabled["paused_until"] is None


@pytest.mark.django_db(transaction=True)
class TestTest:
    @pytest.mark.parametrize("kind", Kind.values)
    def test_a_sample_of_each_kind_is_posted_and_shown(self, alice, receiver, kind):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: (200, {"X-Mine": "yes"}, b"Thanks")

        shown = alice.call("post", f"webhooks/{webhook['id']}/test", {"kind": kind}).json()

        (post,) = receiver.posts
        Verifier(webhook["secret"]).verify(post.body, post.headers)
        (event,) = post.events
        assert (event["kind"], event["test"]) == (kind, True)
        assert shown["request_body"].encode() == post.body
        assert (shown["response_status"], shown["response_body"]) == (200, "Thanks")
        assert (shown["response_headers"]["X-Mine"], shown["test"]) == ("yes", True)
        assert shown["seconds"] >= 0
        assert [row["id"] for row in posts(alice, webhook)] == [shown["id"]]
        assert not Event.objects.exists()

    def test_a_failure_is_shown_and_not_counted(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: 404

        shown = alice.call("post", f"webhooks/{webhook['id']}/test", {}).json()

        assert (shown["response_status"], shown["error"]) == (404, "The endpoint answered 404")
        assert Webhook.objects.get().failures == 0

    def test_a_success_closes_the_breaker(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: (503, {"Retry-After": "3600"}, b"")
        happen(alice.account)
        post_all()
        receiver.answer = lambda post: 204

        alice.call("post", f"webhooks/{webhook['id']}/test", {})
        post_all()

        assert len(receiver.posts) == 2

    def test_a_success_after_a_single_failure_posts_at_once_what_waits(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: 500
        happen(alice.account)
        post_all()
        receiver.answer = lambda post: 204

        alice.call("post", f"webhooks/{webhook['id']}/test", {})
        post_all()

        assert len(receiver.posts) == 2

    def test_one_runs_at_a_time(self, alice, receiver):
        webhook, other = made(alice, receiver.url), made(alice, receiver.url)
        trials._begin(Webhook.objects.get(pk=webhook["id"]))

        response = alice.call("post", f"webhooks/{other['id']}/test", {})

        assert (response.status_code, response.json()["code"]) == (409, "test_running")

    def test_strange_kinds_are_refused(self, alice):
        webhook = made(alice)

        response = alice.call("post", f"webhooks/{webhook['id']}/test", {"kind": "opened"})

        assert response.status_code == 422


@pytest.mark.django_db(transaction=True)
class TestReplay:
    def test_by_id_and_by_post_under_the_same_event_ids(self, alice, receiver):
        webhook = made(alice, receiver.url)
        wanted, other = happen(alice.account, 2)
        post_all()
        (logged,) = posts(alice, webhook)
        path = f"webhooks/{webhook['id']}/replay"

        one = alice.call("post", path, {"event_ids": [str(wanted.id)]})
        post_all()
        both = alice.call("post", path, {"post_id": logged["id"]})
        post_all()

        assert (one.status_code, one.json()) == (202, {"events": 1})
        assert both.json() == {"events": 2}
        _, second, third = receiver.posts
        assert [event["id"] for event in second.events] == [str(wanted.id)]
        assert [event["id"] for event in third.events] == [str(wanted.id), str(other.id)]
        assert len({post.name for post in receiver.posts}) == 3

    def test_a_batch_that_failed_can_be_replayed(self, alice, receiver):
        webhook = made(alice, receiver.url)
        receiver.answer = lambda post: 500
        events = happen(alice.account, 3)
        for _ in range(10):
            post_all()
            Webhook.objects.update(failing_since=None)
            pass_time(hours=29)
        failed = posts(alice, webhook)[0]
        receiver.answer = lambda post: 204

        alice.call("post", f"webhooks/{webhook['id']}/replay", {"post_id": failed["id"]})
        pass_time(hours=1)
        post_all()

        assert failed["attempt"] == 10
        assert sorted(receiver.event_ids) == [str(event.id) for event in events]


@pytest.mark.django_db
class TestReplayByFilter:
    @pytest.mark.parametrize(
        ("kinds", "filter", "expected"),
        [
            ([], {}, [0, 1, 2]),
            (["bounce"], {}, [1]),
            (["bounce"], {"kinds": ["open"]}, [2]),
            ([], {"recipient": "dave@example.net"}, [2]),
            ([], {"tag": "welcome"}, [1]),
            ([], {"until": "2001-11-01T00:00:00Z"}, []),
        ],
    )
    def test_what_it_finds_is_posted_again(self, alice, kinds, filter, expected):
        webhook = made(alice, kinds=kinds)
        message = MessageFactory(account=alice.account)
        EventFactory(message=message, id=old_id(0))
        EventFactory(message=message, id=old_id(1), kind="bounce", tags=["welcome"])
        EventFactory(message=message, id=old_id(2), kind="open", recipient="dave@example.net")
        EventFactory(id=old_id(3))  # of somebody else

        body = {"since": "2001-01-01T00:00:00Z"} | filter
        response = alice.call("post", f"webhooks/{webhook['id']}/replay", body)

        assert (response.status_code, response.json()) == (202, {"events": len(expected)})
        found = News.objects.order_by("id").values_list("event_id", flat=True)
        assert [int(str(event_id)[-1]) for event_id in found] == expected

    def test_too_many_are_refused_whole(self, alice, monkeypatch):
        monkeypatch.setattr(replay, "MOST", 1)
        webhook = made(alice)
        message = MessageFactory(account=alice.account)
        for number in range(2):
            EventFactory(message=message, id=old_id(number))

        body = {"since": "2001-01-01T00:00:00Z"}
        response = alice.call("post", f"webhooks/{webhook['id']}/replay", body)

        assert (response.status_code, response.json()["code"]) == (422, "too_many_events")
        assert not News.objects.exists()

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "invalid"), ({"kinds": ["bounce"]}, "invalid"), ({"event_ids": []}, "invalid"),
            ({"event_ids": [NOBODY], "tag": "x"}, "invalid"), ({"since": "yesterday"}, "invalid"),
            ({"event_ids": [NOBODY] * 1001}, "invalid"), ({"since": None}, "invalid"),
            ({"event_ids": [NOBODY]}, "unknown_event"), ({"post_id": NOBODY}, "unknown_post"),
        ],
    )  # fmt: skip
    def test_strange_wishes_are_refused(self, alice, body, code):
        webhook = made(alice)

        response = alice.call("post", f"webhooks/{webhook['id']}/replay", body)

        assert (response.status_code, response.json()["code"]) == (422, code)

    def test_a_disabled_webhook_must_be_enabled_first(self, alice):
        webhook = made(alice, is_enabled=False)
        event = EventFactory(message=MessageFactory(account=alice.account))

        body = {"event_ids": [str(event.id)]}
        response = alice.call("post", f"webhooks/{webhook['id']}/replay", body)

        assert (response.status_code, response.json()["code"]) == (409, "webhook_disabled")


@pytest.mark.django_db
class TestWhoMay:
    def test_another_accounts_webhook_and_posts_are_not_there(self, alice, bob):
        webhook = made(bob)
        post = logged(Webhook.objects.get())
        mine = made(alice)

        for method, path in [
            ("get", f"webhooks/{webhook['id']}/posts"),
            ("get", f"webhooks/{webhook['id']}/posts/{post.id}"),
            ("get", f"webhooks/{mine['id']}/posts/{post.id}"),
            ("post", f"webhooks/{webhook['id']}/test"),
            ("post", f"webhooks/{webhook['id']}/replay"),
        ]:
            assert alice.call(method, path, {}).status_code == 404, path

    def test_another_accounts_events_and_posts_cannot_be_replayed(self, alice, bob):
        webhook, theirs = made(alice), made(bob)
        event = EventFactory(message=MessageFactory(account=bob.account))
        post = logged(Webhook.objects.get(pk=theirs["id"]))

        for body in ({"event_ids": [str(event.id)]}, {"post_id": str(post.id)}):
            response = alice.call("post", f"webhooks/{webhook['id']}/replay", body)
            assert response.status_code == 422
        assert not News.objects.exists()

    @pytest.mark.parametrize(
        ("method", "rest"), [("get", "posts"), ("post", "test"), ("post", "replay")]
    )
    def test_each_call_needs_its_scope(self, alice, method, rest):
        webhook = made(alice)
        scope = "admin" if method == "get" else "read"
        credential, secret = alice.make(scopes=["send", scope])

        response = alice.call(
            method, f"webhooks/{webhook['id']}/{rest}", {}, name=credential.username, secret=secret
        )

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def logged(webhook):
    """Put a post into the log that did not happen."""
    return WebhookPost.objects.create(
        webhook=webhook, attempt=1, started_at=timezone.now(), duration=timedelta(0),
        url=webhook.url, request_headers={"webhook-id": "evt_0"}, event_count=1, test_body="{}",
    )  # fmt: skip
