"""Whether a message is tracked: the account says so, or its domain, or the message itself."""

import dataclasses

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.conftest import Caller
from domains.models import Domain
from messages import acceptance, options, sender
from messages.models import Message
from messages.options import Options
from messages.tests.test_acceptance import FROM, submission
from messages.tests.test_policy import fields, refusal

pytestmark = pytest.mark.django_db
SWITCHES = ("track_opens", "track_clicks")


@pytest.fixture
def alice():
    alice = Caller("Alice")
    Domain.objects.create(account=alice.account, name="alices.example", verified_at=timezone.now())
    return alice


def tracked(caller, header=b"", **asked):
    """Return whether opens and clicks of a message would be tracked."""
    offered = dataclasses.replace(
        submission(header + FROM + b"\r\n"), sender=sender.of(caller.credential)
    )
    accepted = acceptance.check(dataclasses.replace(offered, options=Options(**asked)))
    return accepted.track_opens, accepted.track_clicks


def turn(caller, what, **switches):
    path = "account" if what == "account" else f"sending_domains/{Domain.objects.get().public_id}"
    answer = caller.call("patch", path, switches)
    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in switches} == switches
    caller.credential.account.refresh_from_db()


def test_by_itself_nothing_is_tracked(alice):
    assert tracked(alice) == (False, False)


def test_the_account_says_so_for_all(alice):
    turn(alice, "account", track_opens=True)

    assert tracked(alice) == (True, False)


def test_a_domain_says_otherwise_and_takes_it_back(alice):
    turn(alice, "account", track_opens=True, track_clicks=False)
    turn(alice, "domain", track_opens=False, track_clicks=True)
    assert tracked(alice) == (False, True)

    turn(alice, "domain", track_opens=None, track_clicks=None)
    assert tracked(alice) == (True, False)


@pytest.mark.parametrize("value", [True, False])
def test_a_message_says_otherwise(alice, value):
    turn(alice, "account", track_opens=not value, track_clicks=not value)
    word = str(value).encode()

    header = b"X-CloudMTA-Track-Opens: %b\r\nX-CloudMTA-Track-Clicks: %b\r\n" % (word, word)
    assert tracked(alice, header) == (value, value)
    assert tracked(alice, track_opens=value, track_clicks=value) == (value, value)


def test_a_message_keeps_what_was_true_when_it_came(alice):
    turn(alice, "account", track_clicks=True)
    letter = {"from": "a@alices.example", "to": "carol@example.net", "plain": "Hello"}

    for more in ({}, {"track_opens": True, "track_clicks": False},
                 {"priority": "digest", "unsubscribe": True}):  # fmt: skip
        assert alice.call("post", "messages", letter | more).status_code == 202

    stored = Message.objects.order_by("id").values_list(*SWITCHES, "offers_unsubscribe")
    assert list(stored) == [(False, True, False), (True, False, False), (False, True, True)]


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("value", ["yes", 1, "true"])
def test_rest_wants_true_or_false(alice, switch, value):
    letter = {"from": "a@alices.example", "to": "b@c.example", "plain": "Hello", switch: value}

    answer = alice.call("post", "messages", letter)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{switch}"


def test_rest_says_why_only_digests_offer_to_unsubscribe(alice):
    letter = {"from": "a@alices.example", "to": "b@c.example", "plain": "x", "unsubscribe": True}

    answer = alice.call("post", "messages", letter).json()

    assert answer["code"] == "invalid_unsubscribe"
    assert answer["errors"][0]["pointer"] == "/unsubscribe"


@pytest.mark.parametrize("name", ["track-opens", "track-clicks", "unsubscribe"])
@pytest.mark.parametrize("values", [["yes"], [""], ["true", "false"]])
def test_a_header_wants_true_or_false(name, values):
    reply = refusal(options.read, fields(f"X-CloudMTA-{name}", *values))

    assert reply.startswith(f"554 5.6.0 x-cloudmta-{name} must be true or false, not ")


class TestWhoMay:
    def test_bobs_domain_is_not_there(self, alice):
        path = f"sending_domains/{Domain.objects.get().public_id}"

        assert Caller("Bob").call("patch", path, {"track_opens": True}).status_code == 404

    @pytest.mark.parametrize("path", ["account", "sending_domains/x"])
    def test_the_scope_admin_is_needed(self, alice, path):
        credential, secret = alice.make(scopes=["read", "send"])

        answer = alice.call("patch", path, {}, name=credential.username, secret=secret)

        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")

    @pytest.mark.parametrize(
        "body", [{"track_opens": "maybe"}, {"name": "Alice & Co."}, {"track_opens": None}]
    )
    def test_nothing_else_can_be_changed(self, alice, body):
        assert alice.call("patch", "account", body).status_code == 422

    @pytest.mark.parametrize("what", ["account", "domain"])
    def test_doors_are_told(self, alice, what):
        with CaptureQueriesContext(connection) as queries:
            turn(alice, what, track_opens=True)

        assert any("pg_notify" in query["sql"] for query in queries)

    def test_to_change_nothing_is_no_mistake(self, alice):
        turn(alice, "account")
        turn(alice, "domain")
