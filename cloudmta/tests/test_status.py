"""The page that says whether the service works: to customers, to strangers, and to monitors."""

import json
from datetime import timedelta

import pytest
import redis
from django.conf import settings as project
from django.urls import reverse
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.tests.people import text_of
from cloudmta import presence, status
from cloudmta.doctor.services import NEEDED
from messages.models import State
from messages.tests.factories import RecipientFactory

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("presence")]


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch):
    monkeypatch.setattr(status, "FRESH", 0)


@pytest.fixture
def at_work():
    """All processes that it takes say that they live; some of them can be made to fall silent."""
    client = redis.Redis.from_url(project.REDIS_URL)
    keys = {role: f"{presence.PREFIX}{role}:here:1" for role in NEEDED}
    for role, key in keys.items():
        process = {"role": role, "host": "here", "pid": 1, "since": "2026-01-01T00:00:00+00:00"}
        client.set(key, json.dumps([process, []]))
    yield lambda *roles: client.delete(*(keys[role] for role in roles))
    client.delete(*keys.values())
    client.close()


def parts(client):
    document = client.get(reverse("api-status")).json()
    return document["status"], {one["name"]: one["state"] for one in document["parts"]}


def test_all_works_where_all_are_at_work_and_nothing_waits(client, at_work):
    state, found = parts(client)

    assert state == "works"
    assert set(found.values()) == {"works"}
    assert "Everything works." in text_of(client.get(reverse("status")))


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("submission", "Mail by SMTP"),
        ("worker priority", "Delivery, priority"),
        ("bounces", "Bounces and complaints"),
        ("worker webhooks", "Webhooks"),
    ],
)
def test_what_nobody_does_is_down_and_the_rest_is_not(client, at_work, role, part):
    at_work(role)

    state, found = parts(client)

    assert state == "down"
    assert {name for name, one in found.items() if one != "works"} == {part}


def test_mail_that_waits_too_long_is_late(client, at_work):
    RecipientFactory(
        state=State.QUEUED, message__message_class=MessageClass.PRIORITY,
        due_at=timezone.now() - timedelta(minutes=7),
    )  # fmt: skip

    state, found = parts(client)

    assert (state, found["Delivery, priority"]) == ("late", "late")
    page = text_of(client.get(reverse("status")))
    assert "The oldest has been due for 7 minutes." in page
    assert "Mail is taken, and some of it is late." in page


def test_without_redis_nobody_can_tell(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"

    state, found = parts(client)

    assert state == "unknown"
    assert found["REST API"] == "works"
    assert found["Webhooks"] == "unknown"
