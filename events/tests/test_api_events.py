from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from events import ledger, reading
from events.identifiers import first_id_at, new_id
from events.models import Event
from events.tests.posting_driver import happen
from messages.tests.factories import EventFactory, MessageFactory

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
OLDEST = "events?order=oldest"


def event(caller, minutes=0, **fields):
    """Write an event as it was written some minutes after LONG_AGO."""
    message = fields.pop("message", None) or MessageFactory(account=caller.account)
    moment = LONG_AGO + timedelta(minutes=minutes)
    written = UUID(int=first_id_at(moment).int | new_id().int & (1 << 62) - 1)
    return EventFactory(message=message, id=written, timestamp=moment, **fields)


def ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["data"]]


class TestShape:
    def test_an_event_is_what_a_webhook_posts(self, alice):
        written = event(
            alice, kind="bounce", details={"smtp_code": 550}, tags=["a"], metadata={"order": 7}
        )

        shown = alice.call("get", f"events/{written.id}").json()

        assert shown == {
            "id": str(written.id),
            "timestamp": "2026-11-01T00:00:00Z",
            "kind": "bounce",
            "recipient": "carol@example.net",
            "message_id": str(written.message_id),
            "details": {"smtp_code": 550},
            "tags": ["a"],
            "metadata": {"order": 7},
            "message_id_header": written.message_id_header,
            "test": False,
        }
        assert alice.call("get", "events").json()["data"] == [shown]


class TestNewestFirst:
    def test_it_goes_back_page_by_page(self, alice):
        events = [str(event(alice, minutes).id) for minutes in range(5)]

        first = alice.call("get", "events?limit=3")
        second = alice.call("get", f"events?limit=3&after={first.json()['next_cursor']}")

        assert ids(first) + ids(second) == events[::-1]
        assert (first.json()["has_more"], second.json()["has_more"]) == (True, False)


class TestOldestFirst:
    def test_it_follows_by_cursor(self, alice):
        events = [str(event(alice, minutes).id) for minutes in range(3)]

        first = alice.call("get", f"{OLDEST}&limit=2").json()
        second = alice.call("get", f"{OLDEST}&limit=2&after={first['next_cursor']}").json()
        nothing = alice.call("get", f"{OLDEST}&after={second['next_cursor']}").json()
        event(alice, 9)
        later = alice.call("get", f"{OLDEST}&after={nothing['next_cursor']}").json()

        assert [row["id"] for row in first["data"] + second["data"]] == events
        assert (first["has_more"], second["has_more"], nothing["data"]) == (True, False, [])
        assert len(later["data"]) == 1

    def test_what_was_just_written_waits(self, alice):
        EventFactory(message=MessageFactory(account=alice.account), id=new_id())

        assert ids(alice.call("get", OLDEST)) == ids(alice.call("get", "events")) == []

    def test_there_is_no_before(self, alice):
        response = alice.call("get", f"{OLDEST}&before={new_id()}")

        assert response.json()["errors"][0]["parameter"] == "before"


class TestHorizon:
    @pytest.mark.django_db(transaction=True)
    def test_it_waits_for_who_has_written_and_not_committed(self):
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("CREATE TEMPORARY TABLE written ()")  # takes a transaction id
            (begun,) = other.execute("SELECT now()").fetchone()

            assert reading.horizon() == begun - reading.LAG

        assert reading.horizon() > begun - reading.LAG

    @pytest.mark.django_db(transaction=True)
    def test_nobody_waits_for_who_only_reads(self):
        with psycopg.connect(**connection.get_connection_params()) as other:
            (begun,) = other.execute("SELECT now()").fetchone()
            other.execute("SELECT pg_sleep(0.01)")

            assert reading.horizon() > begun - reading.LAG

    @pytest.mark.django_db(transaction=True)
    def test_who_writes_is_seen_before_the_first_id_is_made(self, alice, monkeypatch):
        seen = []

        def look_and_make():
            with psycopg.connect(**connection.get_connection_params()) as other:
                query = "SELECT backend_xid IS NULL FROM pg_stat_activity WHERE pid = %s"
                pid = connection.connection.info.backend_pid
                seen.append(other.execute(query, [pid]).fetchone()[0])
            return new_id()

        monkeypatch.setattr(ledger, "new_id", look_and_make)
        happen(alice.account)

        assert seen == [False]

    def test_ids_of_a_moment_are_not_before_it(self):
        before = datetime.now(UTC)
        made = new_id()

        assert first_id_at(before) <= made < first_id_at(before + timedelta(seconds=5))


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("kind=bounce", [1]), ("kind=bounce,delivery", [2, 1, 0]),
            ("recipient=d@x.example", [2]),
            ("tag=welcome", [1]), ("since=2026-11-01T00:01:00Z", [2, 1]),
            ("until=2026-11-01T00:01:00Z", [0]), ("tag=welcome&kind=delivery", []),
            ("since=2026-11-01T01:01:30%2B01:00", [2]),
        ],
    )  # fmt: skip
    def test_each_narrows_the_list(self, alice, query, expected):
        events = [
            str(event(alice, 0).id),
            str(event(alice, 1, kind="bounce", tags=["welcome", "x"]).id),
            str(event(alice, 2, recipient="d@x.example").id),
        ]

        assert ids(alice.call("get", f"events?{query}")) == [events[n] for n in expected]

    def test_by_message(self, alice):
        message = MessageFactory(account=alice.account)
        event(alice)
        wanted = event(alice, 1, message=message)

        assert ids(alice.call("get", f"events?message_id={message.id}")) == [str(wanted.id)]

    @pytest.mark.parametrize(
        "query",
        [
            "kind=opened", "message_id=x", "since=yesterday", "limit=0", "limit=101", "after=x",
            "order=random", "knid=bounce", "recipient=%00", "tag=%00", "order=oldest&after=x",
        ],
    )  # fmt: skip
    def test_strange_ones_are_refused(self, alice, query):
        response = alice.call("get", f"events?{query}")

        assert response.status_code == 422
        assert response.json()["errors"]

    def test_a_search_that_takes_too_long_says_so(self, alice, monkeypatch):
        monkeypatch.setattr(reading, "PATIENCE", 1)
        Event.objects.bulk_create(
            Event(
                id=UUID(int=n), account=alice.account, message_id=new_id(), recipient="x" * 500,
                kind="open", timestamp=LONG_AGO, message_id_header="",
            )
            for n in range(20_000)
        )  # fmt: skip

        response = alice.call("get", "events?recipient=nobody@example.net")

        assert (response.status_code, response.json()["code"]) == (422, "search_too_long")


class TestWhoMay:
    def test_nobody_sees_another_accounts(self, alice, bob):
        theirs = event(bob)

        assert ids(alice.call("get", "events")) == ids(alice.call("get", OLDEST)) == []
        assert ids(alice.call("get", f"events?message_id={theirs.message_id}")) == []
        assert alice.call("get", f"events/{theirs.id}").status_code == 404

    @pytest.mark.parametrize("path", ["events", "events/01a20e2e-7f9a-4968-97cb-a5edbab988e8"])
    def test_it_takes_the_scope_read(self, alice, path):
        credential, secret = alice.make(scopes=["send", "admin"])

        response = alice.call("get", path, name=credential.username, secret=secret)

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")

    def test_events_cannot_be_made_or_changed(self, alice):
        path = f"events/{event(alice).id}"

        for method in ("post", "put", "patch", "delete"):
            assert alice.call(method, path, {}).status_code == 405
        assert alice.call("post", "events", {}).status_code == 405
