"""The list of messages is searched and filtered by its URL, page by page and as a file."""

import csv
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.tests.people import Shop, text_of
from events.identifiers import first_id_at
from messages import search, views
from messages.models import State
from messages.tests.factories import AccountFactory, MessageFactory, RecipientFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST, EXPORT = reverse("message-list"), reverse("message-export")


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def alice(client, shop):
    client.force_login(shop.alice)
    return client


def subjects(client, **asked):
    return [one.subject_shown for one in client.get(LIST, asked).context["message_list"]]


@pytest.fixture
def two(shop):
    """A receipt that is delivered, and a digest of another domain that bounced."""
    receipt = MessageFactory(account=shop.account, subject="Your receipt", tags=["shop"])
    RecipientFactory(message=receipt, address="carol@example.net", state=State.DELIVERED)
    digest = MessageFactory(
        account=shop.account, subject="This week", tags=["news", "shop & co"],
        message_class=MessageClass.DIGEST, sender_domain="news.alices.example",
    )  # fmt: skip
    RecipientFactory(message=digest, address="dave@example.org", state=State.BOUNCED)
    return receipt, digest


class TestFilter:
    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, ["This week", "Your receipt"]),
            ({"query": "receipt"}, ["Your receipt"]),
            ({"query": "dave@example.org"}, ["This week"]),
            ({"state": "bounced"}, ["This week"]),
            ({"tag": "shop"}, ["Your receipt"]),
            ({"tag": "shop & co"}, ["This week"]),
            ({"class": "digest"}, ["This week"]),
            ({"domain": "Alices.example"}, ["Your receipt"]),
            ({"class": "digest", "state": "delivered"}, []),
            ({"since": "2020-01-01"}, ["This week", "Your receipt"]),
            ({"until": "2020-01-01T00:00"}, []),
            ({"query": "", "state": "", "class": ""}, ["This week", "Your receipt"]),
        ],
    )
    def test_each_part_narrows_the_list(self, alice, two, asked, found):
        assert subjects(alice, **asked) == found

    def test_an_id_and_a_message_id_find_their_message(self, alice, two):
        receipt, _ = two

        assert subjects(alice, query=str(receipt.id)) == ["Your receipt"]
        assert subjects(alice, query=receipt.message_id_header) == ["Your receipt"]

    def test_a_day_that_ends_the_time_is_meant_whole_and_by_the_reader_s_clock(self, alice, shop):
        shop.alice.time_zone = "Asia/Tokyo"
        shop.alice.save()
        evening = datetime(2026, 11, 20, 14, 59, tzinfo=UTC)  # 23:59 in Tokyo
        MessageFactory(account=shop.account, id=first_id_at(evening), subject="Late")
        after = first_id_at(evening + timedelta(minutes=2))
        MessageFactory(account=shop.account, id=after, subject="Next day")

        assert subjects(alice, since="2026-11-20", until="2026-11-20") == ["Late"]
        assert 'value="2026-11-21T00:00:00"' in alice.get(
            LIST, {"until": "2026-11-20T15:00:00Z"}
        ).content.decode()  # fmt: skip

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"state": "lost"}, "lost is not one of the available choices"),
            ({"class": "urgent"}, "urgent is not one of the available choices"),
            ({"since": "soon"}, "Enter a valid date/time"),
            ({"since": "2026-11-20", "until": "2026-11-18"}, "must begin before it ends"),
            ({"query": "\0"}, "Null characters are not allowed"),
            ({"query": "x" * 201}, "at most 200 characters"),
        ],
    )
    def test_what_cannot_be_asked_is_said_in_words(self, alice, two, asked, words):
        for page in (LIST, EXPORT):
            response = alice.get(page, asked)
            assert response.status_code == 422
            assert words in text_of(response)

    def test_what_is_in_force_can_be_taken_out_one_by_one(self, alice, two):
        page = alice.get(LIST, {"tag": "shop & co", "class": "digest"}).content.decode()

        assert 'href="?class=digest" aria-label="Without tag shop &amp; co"' in page
        assert 'href="?tag=shop+%26+co" aria-label="Without class digest"' in page

    def test_tags_and_classes_of_rows_lead_to_their_own_list(self, alice, two):
        page = alice.get(LIST).content.decode()

        assert 'href="?tag=shop%20%26%20co"' in page
        assert 'href="?class=digest"' in page

    def test_pages_keep_the_filter(self, alice, shop, monkeypatch):
        monkeypatch.setattr(views, "PAGE", 2)
        MessageFactory.create_batch(3, account=shop.account, tags=["a b"])
        MessageFactory(account=shop.account)

        page = alice.get(LIST, {"tag": "a b"})
        older = re.search(r'rel="next" href="([^"]+)"', page.content.decode())[1]
        last = alice.get(LIST + older.replace("&amp;", "&"))

        assert len(last.context["message_list"]) == 1
        assert 'href="?tag=a+b">Newest' in last.content.decode()

    def test_where_the_search_ends_it_says_so_and_goes_on(self, alice, shop, monkeypatch):
        monkeypatch.setattr(search, "NEWEST", 2)
        start = timezone.now() - timedelta(hours=1)
        ids = [first_id_at(start + timedelta(minutes=minute)) for minute in range(4)]
        old, *_ = [MessageFactory(account=shop.account, id=one, tags=["a"]) for one in ids]

        page = alice.get(LIST, {"tag": "a"})
        seen = set(page.context["message_list"])
        assert len(seen) == 2
        assert "Searched back to" in text_of(page)
        while further := re.search(r'href="([^"]+)">Search older', page.content.decode()):
            page = alice.get(LIST + further[1].replace("&amp;", "&"))
            seen |= set(page.context["message_list"])
        assert old in seen
        assert len(seen) == 4

    def test_a_list_that_is_empty_by_its_filter_gives_no_command(self, alice, two):
        page = text_of(alice.get(LIST, {"query": "nothing like it"}))

        assert "No message is like that." in page
        assert "swaks" not in page

    def test_it_asks_as_often_with_a_filter_as_without(
        self, alice, two, django_assert_max_num_queries
    ):
        # Also: the bound of the search, twice.
        with django_assert_max_num_queries(9):
            alice.get(LIST, {"tag": "shop", "state": "delivered", "query": "receipt"})


class TestRows:
    def test_a_test_and_what_is_scheduled_are_marked(self, alice, shop):
        tomorrow = timezone.now() + timedelta(days=1)
        message = MessageFactory(account=shop.account, is_test=True, send_at=tomorrow)
        RecipientFactory(message=message, due_at=tomorrow)

        page = text_of(alice.get(LIST))

        assert " test " in page
        assert f"scheduled for tomorrow, {tomorrow:%H:%M} UTC" in page

    def test_why_it_is_deferred_stands_in_words_above_theirs(self, alice, shop):
        later = timezone.now() + timedelta(minutes=5)
        RecipientFactory(
            message__account=shop.account, state=State.DEFERRED, due_at=later, attempt_count=2,
            reply="452 4.2.2 carol is over quota",
        )  # fmt: skip

        page = text_of(alice.get(LIST))

        assert "Their mailbox is full. We try again" in page
        assert "(3 of 18). 452 4.2.2 carol is over quota" in page


class TestExport:
    def rows(self, client, **asked):
        response = client.get(EXPORT, asked)
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(response.getvalue().decode().splitlines()))

    def test_it_has_a_line_for_each_recipient_of_what_is_found(self, alice, two):
        receipt, _ = two
        RecipientFactory(message=receipt, address="erin@example.net")

        rows = self.rows(alice, tag="shop")

        assert [row["recipient"] for row in rows] == ["carol@example.net", "erin@example.net"]
        assert rows[0]["state"] == "delivered"
        assert rows[0]["message_id"] == str(receipt.id)
        assert rows[0]["settled_at"]

    def test_no_cell_is_a_formula(self, alice, shop):
        message = MessageFactory(account=shop.account, subject="=1+1")
        RecipientFactory(message=message)

        assert self.rows(alice)[0]["subject"] == "'=1+1"

    def test_it_holds_the_newest_up_to_a_bound(self, alice, shop, monkeypatch):
        monkeypatch.setattr(views, "MOST_EXPORTED", 3)
        monkeypatch.setattr(views, "AT_ONCE", 2)
        made = MessageFactory.create_batch(4, account=shop.account)
        for one in made:
            RecipientFactory(message=one)

        found = [row["message_id"] for row in self.rows(alice)]

        assert found == [str(one.id) for one in reversed(made[1:])]

    def test_somebody_else_gets_nothing_of_it(self, two):
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory()))

        assert self.rows(bob) == []

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client):
        assert client.get(EXPORT).headers["Location"].startswith(reverse("log-in"))
