"""The capture store of the simulated world, over HTTP."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dns.resolver
import pytest

from cloudmta.simulator import store as stores
from cloudmta.simulator.store import Store
from cloudmta.simulator.world import Options, World, running
from messages.simulated import Outcome

CONTENT = b"Subject: Hello\r\n\r\n.dots and \xff octets\r\n"


@pytest.fixture
def world() -> Iterator[World]:
    with running(Options(dns_port=0, smtp_port=0, http_port=0, starttls=False)) as world:
        yield world


def request(
    world: World, method: str, path: str, body: Any = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(world.host, world.http_port, timeout=10)
    try:
        encoded = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, encoded)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get(world: World, path: str) -> Any:
    status, _, body = request(world, "GET", path)
    assert status == 200
    return json.loads(body)


def change(world: World, method: str, path: str, body: Any = None) -> int:
    return request(world, method, path, body)[0]


def send(world: World, recipient: str) -> None:
    with smtplib.SMTP(world.host, world.smtp_port, "client.test", timeout=10) as client:
        client.sendmail("b+1@mta.test", [recipient], CONTENT)


class TestMessages:
    def test_it_lists_the_messages_of_a_recipient(self, world):
        send(world, "bob@sim.test")
        send(world, "carol@sim.test")

        [message] = get(world, "/messages?recipient=Carol@sim.test")

        received_at = datetime.fromisoformat(message.pop("received_at"))
        assert abs((datetime.now(UTC) - received_at).total_seconds()) < 60
        assert message == {
            "id": 2,
            "recipient": "carol@sim.test",
            "reverse_path": "b+1@mta.test",
            "size": len(CONTENT),
        }

    def test_it_lists_the_oldest_first_and_goes_on_after_an_id(self, world):
        for number in range(4):
            send(world, f"bob+{number}@sim.test")

        assert [m["id"] for m in get(world, "/messages?limit=2")] == [1, 2]
        assert [m["id"] for m in get(world, "/messages?limit=2&after=2")] == [3, 4]

    def test_it_gives_the_very_bytes(self, world):
        send(world, "bob@sim.test")

        status, headers, body = request(world, "GET", "/messages/1.eml")

        assert (status, headers["Content-Type"], body) == (200, "message/rfc822", CONTENT)

    def test_it_shows_the_newest_as_text(self, world):
        assert request(world, "GET", "/messages/newest.txt")[0] == 404
        send(world, "bob@sim.test")
        send(world, "carol@sim.test")

        status, headers, body = request(world, "GET", "/messages/newest.txt?recipient=bob@sim.test")

        assert (status, body) == (200, CONTENT)
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert request(world, "GET", "/messages/newest.txt?recipient=x@sim.test")[0] == 404

    def test_it_forgets_all(self, world):
        send(world, "bob@sim.test")

        assert change(world, "DELETE", "/messages") == 204

        assert get(world, "/messages") == []
        assert get(world, "/stats")["received"] == 0
        send(world, "bob@sim.test")
        assert [m["id"] for m in get(world, "/messages")] == [2]

    def test_it_shows_the_counts(self, world):
        send(world, "bob@sim.test")
        send(world, "complained@D1.sim.test")

        assert get(world, "/stats") == {
            "received": 2,
            "duplicates": 1,
            "by_outcome": {"delivered": 1, "complained": 1},
            "by_domain": {"sim.test": 1, "d1.sim.test": 1},
        }

    def test_it_can_be_told_to_count_only(self, world):
        assert change(world, "PUT", "/mode", {"keep_content": False}) == 204
        send(world, "bob@sim.test")

        assert get(world, "/messages") == []
        assert get(world, "/stats")["received"] == 1


class TestRecords:
    def test_it_publishes_and_withdraws_records(self, world):
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [world.host], world.dns_port
        record = {"name": "a.example", "type": "MX", "values": ["5 mx1.sim.test"], "ttl": 60}

        assert change(world, "PUT", "/records", record) == 204
        answer = resolver.resolve("a.example", "MX")
        assert (answer[0].to_text(), answer.rrset.ttl) == ("5 mx1.sim.test.", 60)

        assert change(world, "DELETE", "/records", record) == 204
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve("a.example", "MX")


class TestRefusals:
    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("GET", "/", None, 404),
            ("GET", "/messages/1.eml", None, 404),
            ("GET", "/messages/%F0%9F%92%A9.eml", None, 404),
            ("GET", f"/messages/{'9' * 5000}.eml", None, 404),
            ("GET", "/messages/-1.eml", None, 404),
            ("GET", "/messages?limit=many", None, 400),
            ("GET", "/messages?limit=-1", None, 400),
            ("GET", f"/messages?after={'9' * 5000}", None, 400),
            ("POST", "/messages", None, 405),
            ("PUT", "/mode", None, 400),
            ("PUT", "/mode", b"\xff", 400),
            ("PUT", "/mode", b"[" * 100_000, 400),
            ("PUT", "/mode", b"[]", 400),
            ("PUT", "/mode", {"keep_content": 1}, 400),
            ("PUT", "/mode", b" " * 3_000_000, 413),
            ("PUT", "/records", {"name": "a.example", "type": "A"}, 400),
            ("PUT", "/records", {"name": "a.example", "type": "A", "values": [1]}, 400),
            ("PUT", "/records", {"name": "a.example", "type": "A", "values": []}, 400),
            ("PUT", "/records", {"name": 1, "type": "A", "values": ["127.0.0.1"]}, 400),
            ("PUT", "/records", {"name": "\ud800", "type": "A", "values": ["127.0.0.1"]}, 400),
            (
                "PUT",
                "/records",
                {"name": "a.example", "type": "A", "values": ["127.0.0.1"], "ttl": True},
                400,
            ),
            ("DELETE", "/records", {"name": "a.example", "type": "A"}, 404),
            ("DELETE", "/records", {"name": "\ud800.example", "type": "A"}, 400),
        ],
    )
    def test_it_says_what_is_wrong(self, world, method, path, body, status):
        answered, headers, content = request(world, method, path, body)

        assert (answered, headers.get_content_type()) == (status, "application/json")
        assert len(json.loads(content)["error"]) > 5


class TestStore:
    def test_the_oldest_give_way_and_still_count(self, monkeypatch):
        monkeypatch.setattr(stores, "MOST_MESSAGES", 3)
        store = Store()

        for number in range(5):
            store.receive(f"b+{number}@mta.test", [("bob@sim.test", Outcome.DELIVERED)], b"x")

        assert list(store.messages) == [3, 4, 5]
        assert (store.received, store.octets) == (5, 3)

    def test_large_ones_give_way_sooner(self, monkeypatch):
        monkeypatch.setattr(stores, "MOST_OCTETS", 10)
        store = Store()

        for size in (4, 4, 4, 11):
            store.receive("", [("bob@sim.test", Outcome.DELIVERED)], b"x" * size)

        assert (list(store.messages), store.octets) == ([], 0)

    def test_a_reverse_path_too_many_is_not_remembered(self, monkeypatch):
        monkeypatch.setattr(stores, "MOST_REVERSE_PATHS", 1)
        store = Store()

        for reverse_path in ("b+1@mta.test", "b+2@mta.test") * 2:
            store.receive(reverse_path, [("bob@sim.test", Outcome.DELIVERED)], b"x")

        assert store.duplicates == 1


class TestHooks:
    POST = {"events": [{"id": "1", "kind": "open"}, {"id": "2", "kind": "open"}]}

    def test_an_endpoint_shows_what_was_posted_to_it(self, world):
        assert change(world, "POST", "/hooks/mine", self.POST) == 204
        assert change(world, "POST", "/hooks/mine", self.POST) == 204

        shown = get(world, "/hooks/mine")

        assert (shown["answers"], shown["events"], shown["distinct_events"]) == ({"204": 2}, 4, 2)
        assert [json.loads(post["body"]) for post in shown["posts"]] == [self.POST] * 2
        assert shown["posts"][0]["headers"]["host"].startswith("127.0.0.1")
        assert get(world, "/hooks/mine?posts=0")["posts"] == []
        assert get(world, "/hooks/other")["events"] == 0

    def test_it_answers_as_it_is_told(self, world):
        order = {"status": 503, "headers": {"Retry-After": "60"}}
        assert change(world, "PUT", "/hooks/mine", order) == 204

        status, headers, _ = request(world, "POST", "/hooks/mine", self.POST)

        assert (status, headers["Retry-After"]) == (503, "60")
        assert get(world, "/hooks/mine")["events"] == 0
        assert change(world, "DELETE", "/hooks/mine") == 204
        assert change(world, "POST", "/hooks/mine", b"no JSON") == 204

    @pytest.mark.parametrize("order", [{"status": 42}, {"status": "200"}, {"headers": []}, b"x"])
    def test_a_strange_order_is_refused(self, world, order):
        assert change(world, "PUT", "/hooks/mine", order) == 400
