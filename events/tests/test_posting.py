"""What waits is posted: in batches, signed, once, and again until it is taken."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from cloudmta.testing import eventually
from events import batches, patience, verdicts, webhooks
from events.identifiers import new_id
from events.models import Event, Kind, News, Webhook, WebhookBatch, WebhookPost
from events.poster import Answer
from events.posting import Engine
from events.tests.posting_driver import happen, last_post, listen, pass_time, post_all
from events.tests.receivers import receiving
from messages.tests.factories import AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_gathering(monkeypatch):
    monkeypatch.setattr(batches, "GATHER", timedelta(0))


@pytest.fixture
def account():
    return AccountFactory()


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


def ids(events):
    return [str(event.id) for event in events]


class TestRemoval:
    def test_who_removes_it_and_who_posts_to_it_never_wait_for_each_other(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        happen(account)
        blocked = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"

        def remove():
            try:
                webhooks.remove(webhook)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as other:
            with transaction.atomic(), connection.cursor() as cursor:
                Webhook.objects.select_for_update().get(pk=webhook.pk)
                removal = other.submit(remove)
                eventually(lambda: cursor.execute(blocked) and cursor.fetchall())
                News.objects.filter(webhook=webhook).delete()
            removal.result()

        assert not Webhook.objects.filter(pk=webhook.pk).exists()


class TestBody:
    def test_it_is_as_documented(self, account, receiver):
        listen(account, receiver.url)
        (event,) = happen(account, kind=Kind.BOUNCE, details={"smtp_code": 550, "x": "ü"})

        post_all()

        (post,) = receiver.posts
        assert post.events == [
            {
                "id": str(event.id),
                "timestamp": event.timestamp.isoformat().replace("+00:00", "Z"),
                "kind": "bounce",
                "recipient": "carol0@example.net",
                "message_id": str(event.message_id),
                "details": {"smtp_code": 550, "x": "ü"},
                "tags": ["welcome"],
                "metadata": {"order": 4711},
                "message_id_header": "<1@alices.example>",
                "test": False,
            }
        ]
        assert post.headers["content-type"] == "application/json"
        assert post.headers["user-agent"] == "CloudMTA-Webhooks/1"
        assert post.headers["host"] == f"localhost:{receiver.port}"

    def test_at_most_a_hundred_events_share_a_post_the_oldest_first(self, account, receiver):
        listen(account, receiver.url)
        first, second = happen(account, 120), happen(account, 130)

        post_all()

        assert [len(post.events) for post in receiver.posts] == [100, 100, 50]
        # Of one transaction, hence of one millisecond, the order of ids is any.
        assert sorted(receiver.event_ids[:120]) == ids(first)
        assert sorted(receiver.event_ids[120:]) == ids(second)
        assert not News.objects.exists()

    def test_what_is_large_is_shared_out_to_more_posts(self, account, receiver):
        listen(account, receiver.url)
        events = happen(account, 40, details={"smtp_response": "x" * 9000})
        events += happen(account, details={"smtp_response": "x" * 200_000})

        post_all()

        assert sorted(receiver.event_ids) == sorted(ids(events))
        *most, last = receiver.posts
        assert len(last.events) == 1
        assert all(len(post.body) <= 80_020 for post in most)
        assert len(most) == 5

    def test_events_that_were_pruned_are_nothing_to_tell(self, account, receiver):
        listen(account, receiver.url)
        happen(account, 150)
        Event.objects.all().delete()
        (kept,) = happen(account)

        post_all()

        assert receiver.event_ids == ids([kept])
        assert not News.objects.exists()

    def test_only_the_wanted_kinds_are_posted_and_all_where_none_is_named(self, account):
        with receiving() as some, receiving() as all_kinds:
            listen(account, some.url, kinds=["bounce", "complaint"])
            listen(account, all_kinds.url)
            delivery, bounce = happen(account) + happen(account, kind=Kind.BOUNCE)

            post_all()

            assert some.event_ids == ids([bounce])
            assert all_kinds.event_ids == ids([delivery, bounce])

    def test_nobody_else_gets_them(self, account, receiver):
        listen(AccountFactory(), receiver.url)
        listen(account, receiver.url, is_enabled=False)
        happen(account)

        post_all()

        assert receiver.posts == []
        assert not News.objects.exists()

    def test_test_mode_is_posted_as_such(self, account, receiver):
        listen(account, receiver.url)
        happen(account, is_test=True)

        post_all()

        assert receiver.posts[0].events[0]["test"] is True

    def test_a_user_and_a_password_in_the_url_are_sent_and_not_shown(self, account, receiver):
        url = receiver.url.replace("//", "//ali%40ce:s%3Acret@")
        webhook, _ = listen(account, url)
        happen(account)

        post_all()

        assert receiver.posts[0].headers["authorization"].startswith("Basic ")
        shown = last_post(webhook)
        assert "cret" not in shown.url + str(shown.request_headers)


class TestSignatures:
    def test_the_published_library_verifies_them(self, account, receiver):
        _, secret = listen(account, receiver.url)
        happen(account)
        post_all()
        (post,) = receiver.posts

        assert Verifier(secret).verify(post.body, post.headers) == {"events": post.events}
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(post.body + b" ", post.headers)

    def test_during_a_rotation_both_secrets_are_good_and_then_only_the_new_one(
        self, account, receiver
    ):
        webhook, old = listen(account, receiver.url)
        new = webhooks.rotate(webhook)
        happen(account)
        post_all()
        pass_time(hours=25)
        happen(account)
        post_all()

        during, after = receiver.posts
        for secret in (old, new):
            Verifier(secret).verify(during.body, during.headers)
        Verifier(new).verify(after.body, after.headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(old).verify(after.body, after.headers)


class TestNothingIsSkipped:
    def test_an_event_whose_transaction_ends_after_a_later_one(self, account, receiver):
        listen(account, receiver.url)
        written, may_end = threading.Event(), threading.Event()

        def slowly():
            try:
                with transaction.atomic():
                    happen(account, kind=Kind.BOUNCE)  # of another tally, which is no lock
                    written.set()
                    assert may_end.wait(30)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as other:
            slow = other.submit(slowly)
            assert written.wait(30)
            (later,) = happen(account)
            post_all()
            assert receiver.event_ids == ids([later])
            may_end.set()
            slow.result()
        post_all()

        assert len(set(receiver.event_ids)) == 2

    def test_one_that_was_taken_by_a_worker_that_died(self, account, receiver):
        listen(account, receiver.url)
        (event,) = happen(account)
        (dead,) = batches.claim(1)
        batches.take(dead)

        post_all()
        assert receiver.posts == []  # its lease holds
        pass_time(batches.LEASE)
        post_all()

        assert receiver.event_ids == ids([event])

    def test_two_workers_do_not_post_the_same(self, account, receiver):
        listen(account, receiver.url)
        events = happen(account, 300)

        async def both():
            engines = Engine(), Engine()
            await asyncio.gather(*(engine.sweep() for engine in engines))
            for engine in engines:
                await engine.drain()
                await engine.stop(5)

        asyncio.run(both())

        assert sorted(receiver.event_ids) == ids(events)

    def test_a_worker_that_has_lost_its_lease_writes_nothing(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        happen(account)
        (claim,) = batches.claim(1)
        taken = batches.take(claim)
        pass_time(batches.LEASE)
        post_all()

        verdicts.settle(claim, taken, Answer(500, 0.1, "The endpoint answered 500"))

        assert WebhookBatch.objects.get().state == WebhookBatch.State.DELIVERED
        assert WebhookPost.objects.count() == 1
        assert Webhook.objects.get(pk=webhook.pk).failures == 0


class TestFailures:
    def test_the_same_batch_comes_again_under_the_same_name(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        happen(account, 2)
        receiver.answer = lambda post: (500, {"X-Why": "no"}, b"Sorry")
        post_all()
        failed = last_post(webhook)
        receiver.answer = lambda post: 204
        happen(account)
        pass_time(seconds=7)
        post_all()

        again, new = receiver.posts
        (first,) = {
            post.name: post for post in receiver.refused if post.name == again.name
        }.values()
        assert (again.name, again.body) == (first.name, first.body)
        assert new.name != again.name
        assert again.headers["webhook-timestamp"] >= first.headers["webhook-timestamp"]
        assert (failed.attempt, failed.response_status) == (1, 500)
        assert (failed.error, failed.response_body) == ("The endpoint answered 500", "Sorry")
        assert failed.response_headers["X-Why"] == "no"
        assert failed.next_attempt_at > failed.started_at
        assert last_post(webhook).error == ""

    def test_after_hours_all_events_arrive_and_none_twice(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        receiver.answer = lambda post: 503
        events = []
        for _ in range(12):
            events += happen(account, 150)
            post_all()
            pass_time(minutes=30)
        tried = len(receiver.refused)
        receiver.answer = lambda post: 200
        for _ in range(4):
            post_all()
            pass_time(minutes=30)

        assert sorted(receiver.event_ids) == ids(events)
        assert len({post.name for post in receiver.posts}) == len(receiver.posts)
        assert tried < 60
        webhook.refresh_from_db()
        assert (webhook.failures, webhook.failing_since, webhook.paused_until) == (0, None, None)

    def test_it_is_noticed_within_minutes_that_an_endpoint_is_back_after_half_a_day(
        self, account, receiver, monkeypatch
    ):
        monkeypatch.setattr(batches, "MOST_WAITING", 5)
        listen(account, receiver.url)
        receiver.answer = lambda post: 503
        events = []
        for _ in range(36):
            events += happen(account)
            post_all()
            pass_time(minutes=20)
        assert WebhookBatch.objects.count() == 5

        receiver.answer = lambda post: 200
        pass_time(minutes=6)
        post_all()
        post_all()

        assert sorted(receiver.event_ids) == ids(events)

    def test_asking_whether_it_is_back_uses_up_no_attempt(self, account, receiver, monkeypatch):
        monkeypatch.setattr(batches, "MOST_WAITING", 1)
        listen(account, receiver.url)
        receiver.answer = lambda post: 500
        happen(account)
        for _ in range(3):  # attempts at once, after 5 s and after 5 min
            post_all()
            pass_time(minutes=6)
        happen(account)
        before = WebhookBatch.objects.get()
        for _ in range(3):
            post_all()
            Webhook.objects.update(paused_until=None)

        after = WebhookBatch.objects.get()
        assert len(receiver.refused) == 6
        assert (after.attempts, after.due_at) == (before.attempts, before.due_at)

    def test_a_success_between_does_not_hurry_the_schedule_of_another_batch(
        self, account, receiver, monkeypatch
    ):
        monkeypatch.setattr(patience, "RETRY_AFTER", [timedelta(hours=1)])
        listen(account, receiver.url)
        (poison,) = happen(account)
        receiver.answer = lambda post: 500 if str(poison.id).encode() in post.body else 204
        for _ in range(10):
            post_all()
            happen(account)

        assert len(receiver.posts) == 9
        assert len(receiver.refused) == 1

    def test_a_later_event_of_a_message_waits_for_the_one_before(self, account, receiver):
        listen(account, receiver.url)
        message_id = new_id()
        (first,) = happen(account, kind=Kind.SOFT_BOUNCE, message_id=message_id)
        receiver.answer = lambda post: 500
        post_all()
        (second,) = happen(account, message_id=message_id)
        (other,) = happen(account)
        receiver.answer = lambda post: 204
        post_all()
        pass_time(seconds=7)
        post_all()
        post_all()

        order = receiver.event_ids
        assert sorted(order) == sorted(ids([first, second, other]))
        assert order.index(str(first.id)) < order.index(str(second.id))

    def test_a_batch_that_is_never_taken_does_not_hold_back_the_others(self, account, receiver):
        listen(account, receiver.url)
        (poison,) = happen(account)
        receiver.answer = lambda post: 500 if str(poison.id).encode() in post.body else 204
        post_all()
        others = []
        for _ in range(3):
            others += happen(account)
            post_all()
            pass_time(seconds=1)

        assert receiver.event_ids == ids(others)

    def test_after_the_schedule_a_batch_has_failed(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        happen(account)
        receiver.answer = lambda post: 500
        for _ in range(12):
            post_all()
            Webhook.objects.update(failing_since=None)  # this test is not about giving up
            pass_time(hours=29)

        assert len(receiver.refused) == 10
        assert WebhookBatch.objects.get().state == WebhookBatch.State.FAILED
        assert last_post(webhook).next_attempt_at is None

    def test_the_breaker_lets_one_post_through_at_a_time(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        receiver.answer = lambda post: 500
        happen(account, 1000)
        post_all()
        assert len(receiver.refused) == 3
        webhook.refresh_from_db()
        assert webhook.paused_until

        post_all()
        assert len(receiver.refused) == 3
        pass_time(seconds=7)
        post_all()
        assert len(receiver.refused) == 4

    def test_an_endpoint_that_asks_for_patience_gets_it(self, account, receiver):
        webhook, _ = listen(account, receiver.url)
        receiver.answer = lambda post: (429, {"Retry-After": "7200"}, b"")
        happen(account, 300)
        post_all()
        pass_time(minutes=119)
        post_all()
        assert len(receiver.refused) == 1

        receiver.answer = lambda post: 200
        pass_time(minutes=2)
        post_all()
        assert len(receiver.posts) == 3


class TestOthersAreNotDelayed:
    def test_three_that_hang_keep_nobody_waiting(self, account, receiver):
        over = threading.Event()

        def hang(post):
            assert over.wait(30)
            return 204

        with receiving(answer=hang) as hanging:
            for _ in range(3):
                listen(account, hanging.url)
            for _ in range(7):
                listen(account, receiver.url)
            happen(account)

            with ThreadPoolExecutor(1) as worker:
                posting_all = worker.submit(post_all)
                receiver.wait_for(7)
                assert hanging.posts == []
                over.set()
                posting_all.result()

        assert len(receiver.posts) == 7


def test_what_waits_for_a_disabled_webhook_is_posted_when_it_is_enabled(account, receiver):
    webhook, _ = listen(account, receiver.url)
    events = happen(account)
    webhooks.change(webhook, is_enabled=False)
    happen(account)
    post_all()
    assert receiver.posts == []

    webhooks.change(webhook, is_enabled=True)
    post_all()

    assert receiver.event_ids == ids(events)


def test_a_webhook_that_was_removed_gets_nothing(account, receiver):
    webhook, _ = listen(account, receiver.url)
    happen(account)
    webhooks.remove(webhook)

    post_all()

    assert receiver.posts == []
    assert not News.objects.exists()


def test_events_share_a_post_within_the_second(account, receiver, monkeypatch):
    monkeypatch.setattr(batches, "GATHER", timedelta(hours=1))
    listen(account, receiver.url)
    first = happen(account)
    (claim,) = batches.claim(1)
    assert timedelta(minutes=59) < batches.take(claim) <= timedelta(hours=1)

    second = happen(account)
    News.objects.filter(event_id=first[0].id).update(created_at=Now() - timedelta(hours=1))
    batches.release(claim)
    post_all()

    assert receiver.event_ids == ids(first + second)
    assert len(receiver.posts) == 1
