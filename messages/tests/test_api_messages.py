"""Send over REST, look at what was sent, and be refused for each thing that is wrong."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import authentication
from accounts.allowance import seconds_to_reset
from accounts.models import Account, Scope
from accounts.volume import Standing
from domains.models import Domain
from events.models import Suppression, Tally
from messages.models import Content, IdempotencyKey, Message, Recipient, Refusal, State
from messages.tests.factories import (
    AttemptFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
)

pytestmark = pytest.mark.django_db


class Caller:
    """An application with a credential of its own account."""

    def __init__(self, name: str, domain: str, **fields: object) -> None:
        self.account = Account.objects.create(name=name, requests_per_second=100_000)
        Domain.objects.create(account=self.account, name=domain, verified_at=timezone.now())
        self.credential, self.secret = authentication.create_credential(
            self.account, name, **{"scopes": list(Scope)} | fields
        )
        self.client = Client(raise_request_exception=False)

    def call(self, method: str, path: str, body: object = None, **headers: str):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.generic(
            method,
            f"/api/v0.1/{self.credential.username}/{path}",
            b"" if body is None else content,
            content_type="application/json",
            headers={"authorization": f"Bearer {self.secret}", **headers},
        )

    def send(self, **fields: object):
        return self.call("POST", "messages", letter(**fields))


def letter(**fields: object) -> dict[str, object]:
    usual = {"from": "shop@alices.example", "to": "carol@example.net", "plain": "Hello"}
    return {name: value for name, value in (usual | fields).items() if value is not ...}


@pytest.fixture
def alice():
    return Caller("Alice", "alices.example")


@pytest.fixture
def bob():
    return Caller("Bob", "bobs.example")


class TestSend:
    def test_every_field_comes_back_or_leaves(self, alice):
        answer = alice.call(
            "POST",
            "messages",
            {
                "from": "Shop <shop@alices.example>",
                "to": ["Carol <carol@example.net>"],
                "cc": "dave@example.net, erin@example.net",
                "bcc": "frank@example.net",
                "reply_to": "help@alices.example",
                "subject": "Grüße 😃",
                "plain": "Hello",
                "html": "<p>Hello</p>",
                "headers": {"X-Agent": ["go"]},
                "priorty": "priority",
                "tags": "a, b",
                "metadata": {"order": 4711},
                "attachments": [
                    {
                        "file_name": "a.txt",
                        "content": base64.b64encode(b"hello").decode(),
                        "content_type": "text/plain",
                    }
                ],
            },
        )

        body = answer.json()
        assert answer.status_code == 202
        assert body["to"] == ["Carol <carol@example.net>"]
        assert body["cc"] == ["dave@example.net", "erin@example.net"]
        assert body["tags"] == ["a", "b", "api"]
        assert body["state"] == "queued"
        message = Message.objects.get(id=body["id"])
        assert message.message_class == 0
        assert message.metadata == {"order": 4711}
        assert message.subject == "Grüße 😃"
        content = bytes(Content.objects.get(message=message).data)
        assert b"X-Agent: go\r\n" in content
        assert b"frank" not in content
        addresses = set(Recipient.objects.values_list("address", flat=True))
        assert addresses == {f"{name}@example.net" for name in ("carol", "dave", "erin", "frank")}

    def test_the_example_of_the_original_s_go_client_is_taken(self, alice):
        body = {
            "from": "sender@alices.example", "to": ["debug@example.net"],
            "cc": ["carbon@example.net"], "headers": {"x-agent": ["cloudmailin-go"]},
            "subject": "Hello From Go", "plain": "Hello World", "html": "<h1>Hello!</h1>\nWorld",
            "tags": ["go"], "test_mode": True,
            # A file that it reads itself has no type.
            "attachments": [{"content": "iVBORw==", "content_type": "", "file_name": "pixel.png"}],
        }  # fmt: skip

        answer = alice.call("POST", "messages", body)

        assert (answer.status_code, answer.json()["tags"]) == (202, ["go", "api"])
        content = bytes(Content.objects.get().data)
        assert b"Content-Type: image/png\r\n" in content

    def test_double_slashes_and_a_last_one_do_not_matter(self, alice):
        assert alice.call("POST", "/messages/", letter()).status_code == 202

    def test_an_account_s_id_in_the_path_will_do(self, alice):
        alice.credential.username = alice.account.public_id

        assert alice.send().status_code == 202

    @pytest.mark.parametrize(
        ("fields", "status", "pointer"),
        [
            ({"from": ...}, 422, "/from"),
            ({"from": "x"}, 422, "/from"),
            ({"from": 1}, 422, "/from"),
            ({"from": "a@bobs.example"}, 403, "/from"),
            ({"from": "a@alices.example\r\nBcc: x@y.test"}, 422, "/from"),
            ({"to": ...}, 422, "/to"),
            ({"to": []}, 422, "/to"),
            ({"to": "x"}, 422, "/to"),
            ({"to": ["a@example.net", 7]}, 422, "/to/1"),
            ({"to": ["a@example.net", "a b"]}, 422, "/to/1"),
            ({"to": [f"r{n}@example.net" for n in range(21)]}, 422, "/to"),
            ({"cc": "x"}, 422, "/cc"),
            ({"bcc": {}}, 422, "/bcc"),
            ({"reply_to": "x"}, 422, "/reply_to"),
            ({"subject": 1}, 422, "/subject"),
            ({"subject": "a\nb"}, 422, "/subject"),
            ({"plain": ...}, 422, "/plain"),
            ({"plain": 1}, 422, "/plain"),
            ({"html": []}, 422, "/html"),
            ({"headers": []}, 422, "/headers"),
            ({"headers": {"X-A": "a\r\nb"}}, 422, "/headers/X-A"),
            ({"headers": {"X A": "a"}}, 422, "/headers/X A"),
            ({"headers": {"Received": "a"}}, 422, "/headers/Received"),
            ({"priority": "urgent"}, 422, "/priority"),
            ({"tags": 1}, 422, "/tags"),
            ({"tags": ["x" * 65]}, 422, "/tags"),
            ({"metadata": []}, 422, "/metadata"),
            ({"metadata": {"a": "x" * 5000}}, 422, "/metadata"),
            ({"test_mode": "yes"}, 422, "/test_mode"),
            ({"send_at": "tomorrow"}, 422, "/send_at"),
            ({"send_at": "2020-01-01T00:00:00Z"}, 422, "/send_at"),
            ({"send_at": "2099-01-01T00:00:00Z"}, 422, "/send_at"),
            ({"attachments": {}}, 422, "/attachments"),
            ({"attachments": [1]}, 422, "/attachments/0"),
            ({"attachments": [{"file_name": "a", "content": "%", "content_type": "a/b"}]}, 422,
             "/attachments/0/content"),
            ({"attachments": [{"file_name": "a.exe", "content": "", "content_type": "a/b"}]}, 422,
             "/attachments"),
            ({"plain": ..., "raw": "no header"}, 422, "/raw"),
            ({"unknown": 1}, 422, "/unknown"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_told_with_its_pointer(self, alice, fields, status, pointer):
        answer = alice.send(**{"raw": ...} | fields)

        problem = answer.json()
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert problem["status"] == status
        assert problem["error"] == problem["detail"]
        assert pointer in [one["pointer"] for one in problem["errors"]]
        assert not Message.objects.exists()
        assert Refusal.objects.get().account == alice.account

    @pytest.mark.parametrize("path", ["messages", "messages/batch"])
    @pytest.mark.parametrize("body", [b"{", b"[", b"\xff", b'{"a": NaN}', b'{"a":1,"a":2}'])
    def test_what_is_no_json_is_said_to_be_none(self, alice, body, path):
        assert alice.call("POST", path, body).status_code == 400
        assert Refusal.objects.get().cause == "malformed"

    @pytest.mark.parametrize("path", ["messages", "messages/batch"])
    def test_fifty_megabytes_are_too_many(self, alice, path):
        assert alice.call("POST", path, b"x" * 50_000_000).status_code == 413
        assert Refusal.objects.get().cause == "too_big"

    @pytest.mark.parametrize("path", ["messages", "messages/batch"])
    @pytest.mark.parametrize(
        ("content_type", "body", "status"),
        [("text/plain", b"x", 415), ("application/json", rb'["\u0000"]', 422)],
    )
    def test_what_cannot_be_read_leaves_a_row(self, alice, path, content_type, body, status):
        answer = alice.call("POST", path, body, **{"content-type": content_type})

        assert answer.status_code == status
        assert Refusal.objects.get().cause == "malformed"

    def test_a_row_says_from_where_also_behind_a_proxy(self, alice, settings):
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

        alice.call("POST", "messages", letter(to="x"), **{"x-forwarded-for": "198.51.100.9"})

        assert Refusal.objects.get().client_address == "198.51.100.9"

    def test_a_message_of_more_than_its_limit_is_too_large(self, alice):
        assert alice.send(plain="x" * 10_600_000).status_code == 413

    def test_spam_is_refused(self, alice):
        gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

        answer = alice.send(plain=gtube)

        assert (answer.status_code, answer.json()["code"]) == (422, "spam")

    def test_who_may_not_send_does_not(self, alice):
        alice.credential.scopes = [Scope.READ]
        alice.credential.save()

        answer = alice.send()

        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
        assert Refusal.objects.get().cause == "scope_missing"

    def test_who_may_not_look_leaves_no_refusal(self, alice):
        alice.credential.scopes = [Scope.SEND]
        alice.credential.save()

        assert alice.call("GET", "messages").status_code == 403
        assert not Refusal.objects.exists()

    def test_a_credential_keeps_to_its_domains(self, alice):
        Domain.objects.create(
            account=alice.account, name="other.example", verified_at=timezone.now()
        )
        alice.credential.domains = ["alices.example"]
        alice.credential.save()

        answer = alice.send(**{"from": "a@other.example"})

        assert (answer.status_code, answer.json()["code"]) == (403, "domain_not_allowed")

    def test_a_suppressed_recipient_is_told_and_taken(self, alice):
        Suppression.objects.create(account=alice.account, address="carol@example.net")

        answer = alice.send(to="Carol@example.net")

        assert answer.json()["recipients"] == {"Carol@example.net": "suppressed"}

    def test_a_test_is_counted_nowhere(self, alice):
        answer = alice.send(test_mode=True)

        assert answer.json()["state"] == "test"
        assert Message.objects.get().is_test
        assert not Tally.objects.exists()

    def test_an_account_in_test_mode_sends_tests_alone(self, alice):
        alice.account.is_test = True
        alice.account.save()

        assert alice.send(test_mode=False).json()["test_mode"] is True


class TestLater:
    def test_it_is_due_at_its_time(self, alice):
        when = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=71)

        answer = alice.send(send_at=when.isoformat())

        assert answer.json()["state"] == "scheduled"
        assert Recipient.objects.get().due_at == when

    def test_it_can_be_cancelled_once(self, alice):
        when = datetime.now(UTC) + timedelta(hours=1)
        path = f"messages/{alice.send(send_at=when.isoformat()).json()['id']}/cancel"

        answer = alice.call("POST", path)

        assert answer.json()["recipients"][0]["state"] == State.CANCELLED
        assert alice.call("POST", path).status_code == 409


class TestOnce:
    def test_a_copy_gets_the_same_answer(self, alice):
        body = letter()
        first = alice.call("POST", "messages", body, **{"idempotency-key": "k"})
        second = alice.call("POST", "messages", body, **{"idempotency-key": "k"})

        assert second.json() == first.json()
        assert second.status_code == 202
        assert second["Idempotent-Replayed"] == "true"
        assert Message.objects.count() == 1

    def test_another_request_under_the_same_key_is_refused(self, alice):
        alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})

        answer = alice.call("POST", "messages", letter(plain="x"), **{"idempotency-key": "k"})

        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
        assert Refusal.objects.get().cause == "key_reused"

    def test_a_refused_request_frees_its_key(self, alice):
        alice.call("POST", "messages", letter(to="x"), **{"idempotency-key": "k"})

        answer = alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})

        assert answer.status_code == 202

    def test_a_request_that_runs_holds_its_key(self, alice):
        alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})
        IdempotencyKey.objects.update(response=None)

        answer = alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})

        assert (answer.status_code, answer["Retry-After"]) == (409, "1")

    def test_a_holder_that_died_loses_its_key_after_a_while(self, alice):
        alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})
        long_ago = timezone.now() - timedelta(minutes=3)
        IdempotencyKey.objects.update(response=None, claimed_at=long_ago)

        assert (
            alice.call("POST", "messages", letter(), **{"idempotency-key": "k"}).status_code == 202
        )

    @pytest.mark.parametrize("key", ["", "x" * 257, "a\tb"])
    def test_a_key_has_limits(self, alice, key):
        answer = alice.call("POST", "messages", letter(), **{"idempotency-key": key})

        assert answer.status_code == 400

    def test_another_account_may_use_the_same_key(self, alice, bob):
        alice.call("POST", "messages", letter(), **{"idempotency-key": "k"})
        body = letter(**{"from": "b@bobs.example"})

        answer = bob.call("POST", "messages", body, **{"idempotency-key": "k"})

        assert "Idempotent-Replayed" not in answer


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_the_same_moment_one_takes_effect():
    alice = Caller("Alice", "alices.example")
    for number in range(100):
        barrier = threading.Barrier(2)
        answers = []

        def send(key: str = f"k{number}", barrier=barrier, answers=answers) -> None:
            barrier.wait()
            try:
                answers.append(alice.call("POST", "messages", letter(), **{"idempotency-key": key}))
            finally:
                connection.close()

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([202, 202], [202, 409])
    assert Message.objects.count() == 100


class TestBatch:
    def test_each_result_stands_where_its_message_stood(self, alice):
        batch = [letter(subject="one"), letter(to="x"), letter(subject="three")]

        answer = alice.call("POST", "messages/batch", {"messages": batch})

        results = answer.json()["results"]
        assert answer.status_code == 202
        assert [one["status"] for one in results] == [202, 422, 202]
        assert results[2]["subject"] == "three"
        assert Message.objects.count() == 2
        assert Refusal.objects.count() == 1

    def test_where_none_is_taken_it_is_an_error(self, alice):
        answer = alice.call("POST", "messages/batch", [letter(to="x")])

        assert answer.status_code == 422
        assert answer.json()["results"][0]["code"] == "invalid_recipient"

    @pytest.mark.parametrize("body", [{}, [], {"messages": []}, {"messages": 1}, {"x": [1]}, 7])
    def test_it_is_an_array_of_messages(self, alice, body):
        assert alice.call("POST", "messages/batch", body).status_code == 422
        assert Refusal.objects.get().cause == "malformed"

    def test_a_field_beside_it_is_named(self, alice):
        (fault,) = alice.call("POST", "messages/batch", {"a/b~": 1}).json()["errors"]

        assert fault["pointer"] == "/a~1b~0"

    def test_it_holds_five_hundred_at_most(self, alice):
        assert alice.call("POST", "messages/batch", [1] * 501).status_code == 422

    def test_a_copy_gets_the_same_answer(self, alice):
        first = alice.call("POST", "messages/batch", [letter()], **{"idempotency-key": "k"})
        second = alice.call("POST", "messages/batch", [letter()], **{"idempotency-key": "k"})

        assert first.json() == second.json()
        assert Message.objects.count() == 1


class TestLists:
    def test_they_page_by_key_and_hide_others(self, alice, bob):
        messages = [MessageFactory(account=alice.account) for _ in range(5)]
        MessageFactory(account=bob.account)

        first = alice.call("GET", "messages?limit=3").json()
        rest = alice.call("GET", f"messages?limit=3&after={first['next_cursor']}").json()

        listed = [one["id"] for one in first["data"] + rest["data"]]
        assert listed == sorted((str(one.id) for one in messages), reverse=True)
        assert (first["has_more"], rest["has_more"]) == (True, False)

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            ("tag=welcome", True), ("tag=other", False), ("state=delivered", True),
            ("state=queued", False), ("recipient=CAROL@example.net", True),
            ("recipient=dave@example.net", False), ("query=carol@example.net", True),
            ("query=Ord", True), ("query=nothing", False), ("priority=standard", True),
            ("priority=digest", False), ("domain=alices.example", True), ("test_mode=true", False),
            ("since=2020-01-01T00:00:00Z", True), ("until=2020-01-01T00:00:00Z", False),
        ],
    )  # fmt: skip
    def test_filters(self, alice, query, is_found):
        message = MessageFactory(account=alice.account, tags=["welcome"], subject="Your Order 1")
        RecipientFactory(message=message, address="carol@example.net", state=State.DELIVERED)

        assert bool(alice.call("GET", f"messages?{query}").json()["data"]) is is_found

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=x", "state=x", "after=x", "since=x", "nothing=1", "priority=x"]
    )
    def test_a_wrong_parameter_is_refused(self, alice, query):
        assert alice.call("GET", f"messages?{query}").status_code == 422

    def test_the_number_of_queries_is_bounded(self, alice, django_assert_max_num_queries):
        for _ in range(10):
            RecipientFactory(message=MessageFactory(account=alice.account))

        with django_assert_max_num_queries(5):
            alice.call("GET", "messages")

    def test_one_message_tells_its_whole_story(self, alice):
        message = MessageFactory(account=alice.account, content=b"octets")
        recipient = RecipientFactory(message=message)
        AttemptFactory(recipient=recipient)
        EventFactory(message=message, recipient=recipient.address)

        for path in (f"messages/{message.id}", f"outbound_messages/{message.id}"):
            told = alice.call("GET", path).json()
            assert told["recipients"][0]["attempts"][0]["exchanger"] == "mx1.example.net"
            assert told["events"][0]["kind"] == "delivery"
        assert alice.call("GET", f"messages/{message.id}/content").content == b"octets"

    def test_the_original_s_list_is_there(self, alice):
        MessageFactory(account=alice.account, credential=alice.credential)
        path = f"outbound_messages?outbound_account_id={alice.credential.username}"

        assert len(alice.call("GET", path).json()["data"]) == 1
        assert alice.call("GET", "outbound_messages?outbound_account_id=x").json()["data"] == []

    def test_refusals_are_listed(self, alice, bob):
        alice.send(to="x")

        (listed,) = alice.call("GET", "refusals").json()["data"]
        assert listed["cause"] == "invalid_recipient"
        assert listed["credential"] == alice.credential.username
        assert bob.call("GET", "refusals").json()["data"] == []

    @pytest.mark.parametrize("part", ["", "/content", "/cancel"])
    def test_nobody_sees_or_cancels_another_account_s_message(self, alice, bob, part):
        message = MessageFactory(account=alice.account, content=b"secret")
        recipient = RecipientFactory(message=message)
        method = "POST" if part == "/cancel" else "GET"

        assert bob.call(method, f"messages/{message.id}{part}").status_code == 404
        recipient.refresh_from_db()
        assert recipient.state == State.QUEUED


class TestVolume:
    def test_with_two_days_held_the_answer_is_429_until_the_next_day(self, alice):
        Account.objects.filter(pk=alice.account.pk).update(held=2 * 150 + 1)

        answer = alice.send()

        assert answer.status_code == 429
        assert answer.json()["code"] == "volume_limit"
        assert answer.json()["detail"] == "Daily volume limit 150 reached; resets 00:00 UTC"
        assert abs(int(answer["Retry-After"]) - seconds_to_reset()) < 60
        assert answer["X-CloudMTA-Volume-Limit"] == "150"
        assert Refusal.objects.get().reply.startswith("451 4.7.1 ")

    def test_a_batch_of_which_all_must_wait_is_told_to_wait(self, alice):
        Account.objects.filter(pk=alice.account.pk).update(held=2 * 150 + 1)

        answer = alice.call("POST", "messages/batch", [letter(), letter()])

        assert (answer.status_code, answer.json()["code"]) == (429, "volume_limit")
        assert abs(int(answer["Retry-After"]) - seconds_to_reset()) < 60
        assert [one["status"] for one in answer.json()["results"]] == [429, 429]

    def test_a_batch_with_a_message_that_never_can_be_sent_is_refused(self, alice):
        Account.objects.filter(pk=alice.account.pk).update(held=2 * 150 + 1)

        answer = alice.call("POST", "messages/batch", [letter(), letter(to="x")])

        assert answer.status_code == 422
        assert [one["status"] for one in answer.json()["results"]] == [429, 422]

    def test_a_paused_account_may_send_priority_and_tests(self, alice):
        Account.objects.filter(pk=alice.account.pk).update(standing=Standing.PAUSED)

        assert alice.send().json()["code"] == "sending_paused"
        assert alice.send(priority="priority").status_code == 202
        assert alice.send(test_mode=True).status_code == 202

    def test_another_account_does_not_notice(self, alice, bob):
        Account.objects.filter(pk=bob.account.pk).update(held=1_000)

        assert alice.send().status_code == 202
