from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import Credential
from accounts.rest.pages import page
from accounts.rest.problems import Problem

KEYS = ("created_at", "username")


@pytest.fixture
def rows(alice):
    """Seven credentials in the order of their list; some were made at the same moment."""
    now = timezone.now()
    for minutes in (1, 1, 1, 2, 3, 3):
        alice.make(created_at=now - timedelta(minutes=minutes))
    return list(Credential.objects.order_by("-created_at", "-username"))


def asked(query, key=KEYS):
    request = Request(APIRequestFactory().get(f"/list?{query}"))
    return page(request, Credential.objects.all(), key, lambda row: row.username)


class TestPages:
    def test_the_first_one_holds_25(self, alice, rows):
        for _ in range(20):
            alice.make()

        body = asked("").data

        assert len(body["data"]) == 25
        assert body["object"] == "list"
        assert body["has_more"] is True

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
    @pytest.mark.parametrize("key", [KEYS, "id"])
    def test_all_of_them_hold_each_row_once_in_order(self, rows, limit, key):
        if key == "id":
            rows.sort(key=lambda row: -row.pk)
        seen, after = [], ""
        while True:
            body = asked(f"limit={limit}{after}", key).data
            seen += body["data"]
            if not body["has_more"]:
                break
            after = f"&after={body['next_cursor']}"

        assert seen == [row.username for row in rows]
        assert body["next_cursor"] is None

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(st.integers(0, 6), st.integers(1, 8))
    def test_before_is_the_page_that_ends_there(self, rows, position, limit):
        names = [row.username for row in rows]

        body = asked(f"before={names[position]}&limit={limit}").data

        assert body["data"] == names[max(position - limit, 0) : position]
        assert body["has_more"] == (position > limit)

    def test_links_lead_on_and_back(self, rows):
        names = [row.username for row in rows]

        link = asked(f"limit=2&after={names[1]}").headers["Link"]

        assert link == (
            f'<http://testserver/list?after={names[3]}&limit=2>; rel="next", '
            f'<http://testserver/list?before={names[2]}&limit=2>; rel="prev"'
        )

    def test_an_only_page_has_no_links(self, rows):
        assert "Link" not in asked("").headers

    def test_rows_that_come_in_meanwhile_shift_nothing(self, alice, rows):
        cursor = asked("limit=3").data["next_cursor"]
        alice.make()

        assert asked(f"limit=1&after={cursor}").data["data"] == [rows[3].username]

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=-1", "limit"),
            ("limit=x", "limit"),
            ("limit=", "limit"),
            ("limit=%D9%A3", "limit"),
            ("after=nobody", "after"),
            ("after=", "after"),
            ("before=%00", "before"),
            ("before=a&after=b", "before"),
        ],
    )
    def test_what_is_no_limit_or_cursor_is_named(self, rows, query, parameter):
        with pytest.raises(Problem) as caught:
            asked(query)

        assert caught.value.status_code == 422
        assert caught.value.errors[0]["parameter"] == parameter

    @pytest.mark.parametrize("cursor", ["x", "1.5", "", "%00", "%ED%A0%80"])
    def test_a_cursor_that_is_no_key_is_none(self, rows, cursor):
        with pytest.raises(Problem):
            asked(f"after={cursor}", "id")

    @pytest.mark.parametrize(("cursor", "count"), [("99999999999999999999999", 7), ("-1", 0)])
    def test_a_key_beyond_all_rows_is_a_place_too(self, rows, cursor, count):
        assert len(asked(f"after={cursor}", "id").data["data"]) == count

    def test_a_row_that_is_gone_still_says_where_it_stood(self, rows):
        rows.sort(key=lambda row: -row.pk)
        cursor = rows[2].pk
        rows[2].delete()

        assert asked(f"after={cursor}&limit=1", "id").data["data"] == [rows[3].username]
