"""Tags & analytics: what the page shows, of whom, and what its files hold."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Membership
from events.statistics import SHARES
from events.tallies import Sums
from messages.message_filter import FilterForm
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("analytics")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def account():
    return AccountFactory(name="Alice")


@pytest.fixture
def alice(client, account):
    client.force_login(UserFactory(email="alice@alices.example", account=account))
    return client


def count(account, kind, amount, *, ago=timedelta(0), tags=(), domain="alices.example",
          destination="mail.example", message_class=MessageClass.STANDARD):  # fmt: skip
    sums, when = Sums(), timezone.now() - ago
    sums.add(kind, account.pk, when, message_class, tags, domain, [destination] * amount)
    sums.write()


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def rows_of(response):
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.content.decode())))


def tiles_of(response):
    return {tile.name: tile for tile in response.context["tiles"]}


class TestFigures:
    def test_each_number_has_its_rate_that_of_before_and_its_messages(self, alice, account):
        for kind, now, before in (("accepted", 110, 50), ("delivery", 98, 50), ("bounce", 2, 0)):
            count(account, kind, now)
            count(account, kind, before, ago=timedelta(days=7))

        bounced = tiles_of(alice.get(PAGE, {"period": "7d"}))["Bounced"]

        assert (bounced.count, bounced.rate, bounced.before) == (2, "2.0 %", "0.0 %")
        day = timezone.now().astimezone(UTC).date()
        assert bounced.url == (
            f"{reverse('message-list')}?state=bounced&since={day - timedelta(days=6)}T00%3A00Z"
            f"&until={day + timedelta(days=1)}T00%3A00Z"
        )

    def test_a_rate_stands_beside_its_limit(self, alice, account):
        count(account, "delivery", 95)
        count(account, "bounce", 5)

        charts = {one.name: one.data for one in alice.get(PAGE).context["charts"]}

        bounced, limit = charts["chart-bounces"]["series"]
        assert bounced["values"][-1] == 5.0
        assert (limit["dashed"], set(limit["values"])) == (True, {2.0})
        limits = [one["values"][0] for one in charts["chart-complaints"]["series"][1:]]
        assert limits == [0.1, 0.3]

    def test_the_period_before_is_a_ghost_where_there_was_mail(self, alice, account):
        count(account, "accepted", 7, ago=timedelta(days=30))
        count(account, "accepted", 5)

        (volume, *_) = alice.get(PAGE).context["charts"]
        ghost = volume.data["series"][-1]

        assert ghost["ghost"]
        assert ghost["values"] == [*[0] * 29, 7]
        alone = alice.get(PAGE, {"period": "24h"}).context["charts"][0].data["series"]
        assert not any("ghost" in one for one in alone)

    def test_time_to_deliver_is_told_of_all_mail_and_by_class_alone(self, alice, account):
        count(account, "delivery", 20, tags=["order"])
        sums = Sums()
        for seconds in [*[1.0] * 19, 60.0]:
            sums.add_time(account.pk, timezone.now(), MessageClass.PRIORITY, seconds)
        sums.write()

        def shown(**query):
            return {one.name: one.data for one in alice.get(PAGE, query).context["charts"]}

        half, most = shown()["chart-times"]["series"]
        assert half["values"][-1] == pytest.approx(1.0, rel=0.1)
        assert most["values"][-1] == pytest.approx(1.0, rel=0.1)
        assert shown(**{"class": "digest"})["chart-times"]["series"][0]["values"][-1] is None
        assert "chart-times" not in shown(tag="order")
        assert "remove the filter to see it" in text_of(alice.get(PAGE, {"tag": "order"}))


class TestFilters:
    @pytest.fixture
    def mail(self, account):
        count(account, "accepted", 1, tags=["order"])
        count(account, "accepted", 2, tags=["order"], message_class=MessageClass.PRIORITY)
        count(account, "accepted", 4, domain="news.example", destination="other.example")

    @pytest.mark.parametrize(
        ("query", "amount"),
        [
            ({}, 7),
            ({"tag": "order"}, 3),
            ({"class": "priority"}, 2),
            ({"tag": "order", "class": "priority"}, 2),
            ({"domain": "News.example."}, 4),
            ({"destination": "mail.example"}, 3),
            ({"period": "24h"}, 7),
            ({"since": "2020-01-01", "until": "2020-02-01"}, 0),
        ],
    )
    def test_they_stand_in_the_url(self, alice, mail, query, amount):
        assert tiles_of(alice.get(PAGE, query))["Sent"].count == amount

    def test_two_days_are_shown_in_full(self, alice, account):
        count(account, "accepted", 3, ago=timezone.now() - datetime(2026, 3, 5, 23, tzinfo=UTC))

        page = alice.get(PAGE, {"since": "2026-03-04", "until": "2026-03-05"})

        assert tiles_of(page)["Sent"].count == 3
        assert page.context["charts"][0].data["labels"] == ["4 Mar", "5 Mar"]

    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ({"period": "1y"}, "A period is one of 24h, 7d, 30d, 90d; this is 30d."),
            ({"since": "yesterday"}, "A day is written like 2026-11-30."),
            ({"since": "0001-01-01"}, "A day is written like 2026-11-30."),
            ({"since": "9999-12-31", "until": "9999-12-31"}, "A day is written like 2026-11-30."),
            ({"since": "2026-02-02", "until": "2026-02-01"}, "must not be after the last one."),
            ({"since": "2020-01-01", "until": "2026-01-01"}, "At most 400 days are shown at once."),
            ({"interval": "minute"}, "An interval is hour or day."),
            ({"interval": "hour", "period": "30d"}, "By the hour at most 7 days are shown."),
            ({"class": "urgent"}, "A class is one of priority, standard, digest."),
            ({"domain": "no domain"}, "no domain is no domain."),
            ({"domain": "a.example", "tag": "x"}, "A domain cannot be combined"),
        ],
    )
    def test_what_is_not_understood_is_said(self, alice, query, sentence):
        page = alice.get(PAGE, query)

        assert page.status_code == 200
        assert sentence in text_of(page)

    def test_a_nul_in_a_tag_breaks_nothing(self, alice):
        assert alice.get(PAGE, {"tag": "a\0b"}).status_code == 200


class TestShares:
    def test_those_with_most_mail_come_first_each_leading_to_itself(self, alice, account):
        count(account, "accepted", 1, tags=["welcome"])
        count(account, "accepted", 5, tags=["order"])
        count(account, "bounce", 1, tags=["order"])

        rows = alice.get(PAGE).context["rows"]

        assert [(row.name, row.cells[0].count) for row in rows] == [("order", 5), ("welcome", 1)]
        assert rows[0].url == "?tag=order"
        assert "tag=order&state=bounced" in rows[0].cells[2].url

    @pytest.mark.parametrize(
        ("by", "name"),
        [("class", "standard"), ("domain", "alices.example"), ("destination", "mail.example")],
    )
    def test_mail_is_compared_by_other_things_too(self, alice, account, by, name):
        count(account, "accepted", 5)

        query = {"by": by} if by == "class" else {"by": by, "tag": "gone"}
        (row,) = alice.get(PAGE, query).context["rows"]

        assert (row.name, row.url) == (name, f"?{by}={name}")

    def test_small_destinations_are_called_others(self, alice, account):
        count(account, "accepted", 5, destination="")

        assert "others 5" in text_of(alice.get(PAGE, {"by": "destination"}))

    def test_without_tags_it_says_how_to_give_some(self, alice):
        assert "x-cloudmta-tags: order, receipt" in text_of(alice.get(PAGE))


class TestFiles:
    @pytest.mark.parametrize(
        "name", ["volume", "problems", "bounces", "complaints", "engagement", "times"]
    )
    def test_each_chart_is_a_file_of_the_same_numbers(self, alice, account, name):
        count(account, "delivery", 3)

        rows = rows_of(alice.get(reverse("analytics-csv", args=[name]), {"period": "24h"}))

        assert rows[0][0] == "Start"
        assert len(rows) == 25
        assert datetime.fromisoformat(rows[-1][0]) == timezone.now().replace(
            minute=0, second=0, microsecond=0
        )

    def test_numbers_are_those_of_the_chart(self, alice, account):
        count(account, "delivery", 3)
        count(account, "bounce", 1)

        rows = rows_of(alice.get(reverse("analytics-csv", args=["volume"])))

        assert rows[0] == ["Start", "Delivered", "Bounced", "Blocked"]
        assert rows[-1][1:] == ["3", "1", "0"]

    def test_no_cell_is_a_formula(self, alice, account):
        count(account, "accepted", 3, tags=['=HYPERLINK("http://evil.example")'])

        rows = rows_of(alice.get(reverse("analytics-csv", args=["shares"])))

        assert rows[1][:2] == ['\'=HYPERLINK("http://evil.example")', "3"]

    def test_there_is_no_file_of_what_is_no_chart(self, alice):
        assert alice.get(reverse("analytics-csv", args=["nothing"])).status_code == 404


class TestAccess:
    def test_strangers_tags_and_domains_are_text(self, alice, account):
        count(account, "accepted", 1, tags=[HOSTILE], domain=HOSTILE, destination=HOSTILE)

        for query in ({}, {"by": "domain"}, {"by": "destination"}, {"tag": HOSTILE}):
            page = alice.get(PAGE, query).content.decode()
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page

    def test_nobody_sees_what_is_another_accounts(self, account):
        count(account, "accepted", 7, tags=["secret"])
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory(name="Bob")))

        page = bob.get(PAGE, {"by": "tag"})

        assert tiles_of(page)["Sent"].count == 0
        assert "secret" not in page.content.decode()
        rows = rows_of(bob.get(reverse("analytics-csv", args=["shares"])))
        assert len(rows) == 1

    def test_a_viewer_may_look(self, client, account):
        viewer = UserFactory()
        Membership.objects.create(user=viewer, account=account, role=Membership.Role.VIEWER)
        client.force_login(viewer)

        assert client.get(PAGE).status_code == 200

    @pytest.mark.parametrize("address", [PAGE, reverse("analytics-csv", args=["volume"])])
    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, address):
        assert client.get(address).headers["Location"].startswith(reverse("log-in"))

    def test_it_only_looks(self, alice):
        assert alice.post(PAGE).status_code == 405

    def test_it_asks_as_often_for_much_mail_as_for_little_and_counts_no_events(
        self, alice, account
    ):
        for number in range(20):
            count(account, "accepted", 3, tags=[f"tag{number}"], destination=f"d{number}.example")

        # Session, user, membership, today's volume, tallies, times, shares.
        with CaptureQueriesContext(connection) as queries:
            alice.get(PAGE)

        assert len(queries) == 7
        tables = {name for query in queries for name in re.findall(r'"(\w+)"\."', query["sql"])}
        assert not tables & {"events_event", "mail_message", "mail_recipient"}


class TestLinks:
    def test_every_number_leads_to_a_filter_that_the_list_understands(self, alice, account):
        count(account, "accepted", 5, tags=["order"])
        for by in SHARES:
            page = alice.get(PAGE, {"by": by})
            urls = [tile.url for tile in page.context["tiles"]]
            urls += [cell.url for row in page.context["rows"] for cell in row.cells]
            for url in urls:
                form = FilterForm(QueryDict(url.partition("?")[2]))
                assert form.is_valid(), (url, form.errors)
                assert set(QueryDict(url.partition("?")[2])) <= set(form.fields)
