"""Unsubscribing by one click (RFC 8058), and what is sent nevertheless."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.message_class import MessageClass
from cloudmta import demo
from domains.signing import Keyring
from events import suppressions, tracking
from events.models import Suppression
from events.suppressions import Entry, Learned
from events.tracking import Purpose, Token
from messages import policy
from messages.claiming import take
from messages.models import State
from messages.options import Options
from messages.tests.factories import MessageFactory, RecipientFactory
from messages.tests.test_policy import refusal
from messages.tests.test_queue import past

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol():
    message = MessageFactory(message_class=MessageClass.DIGEST)
    return RecipientFactory(message=message, address="Carol@example.net", state=State.DELIVERED)


def page(recipient_id, method="get", purpose=Purpose.UNSUBSCRIBE, **extra):
    token = tracking.write(purpose, Token(recipient_id))
    client = Client(enforce_csrf_checks=True)
    return getattr(client, method)(reverse("unsubscribe", args=[token]), **extra)


def post(recipient_id):
    """Post as a mail program does: without cookies, and with nothing but these words."""
    body = {"data": "List-Unsubscribe=One-Click"}
    return page(recipient_id, "post", content_type="application/x-www-form-urlencoded", **body)


def test_one_click_is_enough(carol):
    answer = post(carol.id)

    assert answer.status_code == 200
    assert not answer.cookies
    entry = Suppression.objects.get()
    assert (entry.address, entry.reason) == ("carol@example.net", "unsubscribe")
    assert (entry.account_id, entry.message_id) == (carol.account_id, carol.message_id)
    assert post(carol.id).status_code == 200  # once more


@pytest.mark.parametrize("method", ["get", "head"])
def test_who_only_looks_stays_subscribed(carol, method):
    answer = page(carol.id, method)

    assert answer.status_code == 200
    assert not answer.cookies
    assert not Suppression.objects.exists()
    if method == "get":
        assert b'<form method="post">' in answer.content
        assert b"example.net" not in answer.content


def test_a_link_of_another_kind_or_altered_does_nothing(carol):
    assert page(carol.id, "post", Purpose.OPEN).status_code == 404
    assert Client().post("/t/u/xyz").status_code == 404
    assert not Suppression.objects.exists()


def test_of_a_message_that_is_gone_the_page_says_so(carol):
    answer = post(carol.id + 1)

    assert answer.status_code == 404
    assert b"too old" in answer.content


def test_a_weightier_reason_stays(carol):
    entry = Entry("carol@example.net", Suppression.Reason.COMPLAINT)
    suppressions.put(carol.account, [entry])

    post(carol.id)

    assert Suppression.objects.get().reason == "complaint"


def test_digests_stop_and_other_mail_is_sent(carol):
    post(carol.id)
    demo.ensure_domain(carol.account, "alices.example")

    sent, fates = {}, {}
    for message_class in MessageClass:
        message = MessageFactory(
            account=carol.account, message_class=message_class, content=b"Subject: Hi\r\n\r\n"
        )
        RecipientFactory(message=message, address=carol.address, due_at=past())
        batch = take(message_class, 10, Keyring())
        sent[message_class] = len(batch.composed)
        fates[message_class] = [result.outcome.state for result in batch.results]

    assert list(sent.values()) == [1, 1, 0]
    assert list(fates.values()) == [[], [], [State.BLOCKED]]


class TestOffer:
    @pytest.mark.parametrize("asked", [MessageClass.STANDARD, MessageClass.PRIORITY, None])
    def test_only_digests_make_it(self, asked):
        assert refusal(policy.limit_unsubscribe, Options(asked, unsubscribe=True)) == (
            "554 5.6.0 Only a message of the class digest can offer to unsubscribe"
        )

    def test_digests_may(self):
        assert (
            refusal(policy.limit_unsubscribe, Options(MessageClass.DIGEST, unsubscribe=True))
            is None
        )


def test_a_bounce_afterwards_stops_all_mail(carol):
    post(carol.id)

    bounced = Learned(carol.account_id, "carol@example.net", carol.message_id, "550 5.1.1")
    suppressions.put_learned([bounced])

    assert Suppression.objects.get().reason == "bounce"
