from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.message_class import MessageClass
from events.models import Tally

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PERIOD = "since=2026-11-20T12:00:00Z&until=2026-11-20T15:00:00Z"


def tally(caller, kind, count, hour=NOON, tag="", message_class=MessageClass.STANDARD):
    Tally.objects.create(
        account=caller.account, hour=hour, kind=kind, count=count, tag=tag,
        message_class=message_class,
    )  # fmt: skip


def asked(caller, query):
    response = caller.call("get", f"statistics?{query}")
    assert response.status_code == 200, response.content
    return response.json()


class TestAnswer:
    def test_hours_with_counts_and_rates(self, alice):
        tally(alice, "accepted", 100)
        tally(alice, "delivery", 98)
        tally(alice, "bounce", 2, hour=NOON + timedelta(hours=2))

        answer = asked(alice, f"{PERIOD}&interval=hour")

        assert [bucket["start"] for bucket in answer["data"]] == [
            "2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z", "2026-11-20T14:00:00Z",
        ]  # fmt: skip
        assert (answer["since"], answer["until"]) == (
            "2026-11-20T12:00:00Z", "2026-11-20T15:00:00Z",
        )  # fmt: skip
        assert answer["counts"]["accepted"] == 100
        assert answer["rates"]["bounce"] == 0.02
        assert answer["data"][1]["counts"]["delivery"] == 0
        assert answer["data"][1]["rates"]["bounce"] is None

    def test_thirty_days_if_nothing_is_said(self, alice):
        tally(alice, "open", 3, hour=timezone.now().replace(minute=0, second=0, microsecond=0))

        answer = asked(alice, "")

        assert answer["interval"] == "day"
        assert len(answer["data"]) == 31
        assert answer["counts"]["open"] == answer["data"][-1]["counts"]["open"] == 3

    def test_by_tag_and_class(self, alice):
        tally(alice, "delivery", 1, tag="a", message_class=MessageClass.PRIORITY)
        tally(alice, "delivery", 2, tag="a")
        tally(alice, "delivery", 4)

        assert asked(alice, f"{PERIOD}&tag=a")["counts"]["delivery"] == 3
        assert asked(alice, f"{PERIOD}&class=standard")["counts"]["delivery"] == 4
        assert asked(alice, f"{PERIOD}&tag=a&class=priority")["counts"]["delivery"] == 1


class TestRefusals:
    @pytest.mark.parametrize(
        "query",
        [
            "interval=week", "class=urgent", "since=x", "tag=%00", "klass=priority",
            "since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z",
            "since=2026-10-01T00:00:00Z&until=2026-11-02T00:00:00Z&interval=hour",
            "since=2025-01-01T00:00:00Z&until=2026-11-02T00:00:00Z",
            "since=0001-01-01T00:00:00Z", "until=0001-01-01T00:00:00Z",
            "until=9999-12-31T23:59:59Z&since=9999-12-31T00:00:00Z",
            "until=9999-12-31T23:59:59-12:00&since=9999-12-31T00:00:00Z",
            "since=0001-01-01T00:00:00%2B14:00&until=0001-01-02T00:00:00Z",
        ],
    )  # fmt: skip
    def test_strange_questions_are_refused(self, alice, query):
        response = alice.call("get", f"statistics?{query}")

        assert response.status_code == 422
        assert response.json()["errors"]


class TestWhoMay:
    def test_others_count_nothing_here(self, alice, bob):
        tally(bob, "accepted", 5)

        assert asked(alice, PERIOD)["counts"]["accepted"] == 0

    def test_it_takes_the_scope_read(self, alice):
        credential, secret = alice.make(scopes=["send", "admin"])

        response = alice.call("get", "statistics", name=credential.username, secret=secret)

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
