"""The original's own client for Node.js, unchanged, speaks to our REST door."""

import base64
import json
import re

import pytest

from cloudmta.testing import House, eventually

pytestmark = pytest.mark.xdist_group("house")

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


@pytest.fixture(scope="module")
def web(house: House) -> House:
    house.open_web()
    return house


@pytest.fixture
def client(web, node):
    """Send by the client, and return its answer or its error."""

    def send(message: dict, kind: str = "message", **login: str) -> dict:
        order = {
            "baseURL": web.demo["api_url"],
            "username": web.demo["smtp_username"],
            "apiKey": web.demo["smtp_password"],
            "kind": kind,
            "message": message,
        }
        return json.loads(node("cloudmailin.js", "", json.dumps(order | login).encode()))

    return send


def test_a_message_with_every_field_is_taken_and_arrives(web, client):
    sender = f"Alice <alice@{web.demo['sending_domain']}>"
    answer = client(
        {
            "from": sender,
            "to": ["Bob <delivered+node1@sim.test>", "delivered+node2@sim.test"],
            "cc": "delivered+node3@sim.test",
            "test_mode": False,
            "subject": "Hello 😃",
            "tags": ["js"],
            "plain": "Hello Plain",
            "html": '<h1>Hello</h1><img src="cid:logo">',
            "headers": {"x-api-test": "Test"},
            "priority": "priority",
            "attachments": [
                {
                    "file_name": "pixel.png",
                    "content": PIXEL,
                    "content_type": "image/png",
                    "content_id": "logo",
                }
            ],
        }
    )["answer"]

    assert re.fullmatch(UUID4, answer["id"])
    assert answer["to"] == ["Bob <delivered+node1@sim.test>", "delivered+node2@sim.test"]
    assert answer["cc"] == ["delivered+node3@sim.test"]
    assert answer["tags"] == ["js", "api"]
    assert answer["test_mode"] is False
    for number in (1, 2, 3):
        to = f"delivered+node{number}@sim.test"
        (captured,) = eventually(lambda to=to: web.received(to))
        assert b"x-api-test: Test" in web.content(captured)


def test_a_raw_message_is_taken_and_arrives(web, client):
    sender = f"alice@{web.demo['sending_domain']}"
    raw = f"From: {sender}\nTo: delivered+noderaw@sim.test\nSubject: old\n\nHello raw\n"

    answer = client(
        {"from": sender, "to": "delivered+noderaw@sim.test", "subject": "new", "raw": raw}, "raw"
    )["answer"]

    assert re.fullmatch(UUID4, answer["id"])
    (captured,) = eventually(lambda: web.received("delivered+noderaw@sim.test"))
    assert b"Subject: new\r\n" in web.content(captured)


def test_in_test_mode_nothing_is_delivered(web, client):
    sender = f"alice@{web.demo['sending_domain']}"
    message = {
        "from": sender, "to": "delivered+nodetest@sim.test", "plain": "x", "test_mode": True,
    }  # fmt: skip

    assert client(message)["answer"]["test_mode"] is True
    assert not web.received("delivered+nodetest@sim.test")


@pytest.mark.parametrize("login", [{"username": "foo", "apiKey": "foo"}, {"apiKey": "foo"}])
def test_a_wrong_key_is_told_in_our_words(client, login):
    error = client({"from": "a@b.test", "to": "c@d.test", "plain": "x"}, **login)

    assert "401" in error["error"] or error["status"] == 401


def test_a_message_without_a_body_is_refused_in_the_original_s_words(web, client):
    sender = f"alice@{web.demo['sending_domain']}"

    error = client({"from": sender, "to": "delivered@sim.test", "subject": "x"})

    assert re.search("body not found", error["error"], re.IGNORECASE)
