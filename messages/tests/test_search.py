"""Messages are found by what people know of them, among the newest ones."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events.identifiers import first_id_at
from events.models import Kind
from messages import api_lists, search
from messages.models import Recipient, State
from messages.tests.factories import (
    AccountFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
)
from messages.tests.test_api_messages import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return AccountFactory()


def found(account, **asked):
    return list(search.find(account, asked).order_by("id"))


class TestFind:
    @pytest.mark.parametrize(
        ("text", "is_found"),
        [
            ("order ready", True), ("READY", True), ("order lost", False), ("%", False),
            ("m1@alices.example", True), ("<m1@alices.example>", True),
            ("m2@alices.example", False),
            ("Carol@EXAMPLE.net", True), ("arol@example.net", False), ("carol@", False),
            ("car_l@example.net", False), ("c@d@", False), (" ", True), ("", True),
            ("@Example.NET", True), ("@example", False), ("@", False), ("@a b", False),
        ],
    )  # fmt: skip
    def test_one_box_finds_by_words_message_id_and_recipient(self, account, text, is_found):
        message = MessageFactory(
            account=account, subject="Your order is ready", message_id_header="<m1@alices.example>"
        )
        RecipientFactory(message=message, address="carol@Example.NET", domain="example.net")

        assert bool(found(account, query=text)) is is_found

    def test_an_event_finds_its_message(self, account):
        opened, other = MessageFactory(account=account), MessageFactory(account=account)
        EventFactory(message=opened, kind=Kind.OPEN)
        EventFactory(message=other, kind=Kind.DELIVERY)

        assert found(account, event="open") == [opened]

    def test_a_message_s_own_id_finds_it_however_old_it_is(self, account, monkeypatch):
        monkeypatch.setattr(search, "NEWEST", 2)
        old, *_ = self.made(account)

        assert found(account, query=str(old.id)) == [old]

    def test_all_else_is_looked_for_in_the_newest_ones(self, account, monkeypatch):
        monkeypatch.setattr(search, "NEWEST", 2)
        _, *newest = self.made(account, tags=["a"])

        assert found(account, tag="a") == newest
        assert len(found(account)) == 3

    @pytest.mark.parametrize(
        "asked",
        [
            {"query": "carol@example.net"},
            {"query": "Carol@EXAMPLE.net"},
            {"recipient": "carol@example.net"},
            {"recipient": "carol@example.net", "state": "bounced"},
            {"query": "<old@alices.example>"},
            {"query": "old@alices.example"},
        ],
    )
    def test_a_recipient_and_a_message_id_are_found_however_old(self, account, monkeypatch, asked):
        monkeypatch.setattr(search, "NEWEST", 2)
        old = self.sent(account, "Carol@example.net", message_id_header="<old@alices.example>")
        self.made(account)

        assert found(account, **asked) == [old]
        assert search.oldest_searched(account, asked) is None
        assert found(account, **asked, until=timezone.now() - timedelta(hours=1)) == []
        assert found(account, **asked | {"tag": "none"}) == []
        assert found(AccountFactory(), **asked) == []

    @pytest.mark.parametrize("written", ["carol@bücher.example", "carol@xn--bcher-kva.example"])
    @pytest.mark.parametrize("typed", ["carol@BÜCHER.example", "carol@XN--bcher-kva.example"])
    def test_however_its_domain_is_written(self, account, monkeypatch, written, typed):
        monkeypatch.setattr(search, "NEWEST", 1)
        old = self.sent(account, written)
        self.made(account)

        assert found(account, query=typed) == [old]

    def test_of_a_recipient_of_much_mail_the_newest_come_first_and_where_it_goes_on(
        self, account, monkeypatch
    ):
        monkeypatch.setattr(search, "NEWEST", 1)
        monkeypatch.setattr(search, "MOST", 2)
        now = timezone.now()
        sent = [
            self.sent(account, "carol@example.net", id=first_id_at(now - timedelta(days=days)))
            for days in (4, 3, 2)
        ]
        self.made(account)

        assert found(account, query="carol@example.net") == sent[1:]
        assert search.oldest_searched(account, {"query": "carol@example.net"}) == sent[1].id
        until = now - timedelta(days=2.5)
        assert found(account, query="carol@example.net", until=until) == sent[:2]

    def sent(self, account, address, **fields):
        """A message that has bounced, and is older than all that are made without an id."""
        fields = {"id": first_id_at(timezone.now() - timedelta(minutes=5))} | fields
        message = MessageFactory(account=account, **fields)
        local_part, _, domain = address.rpartition("@")
        name = domain.encode("idna").decode() if not domain.isascii() else domain
        RecipientFactory(message=message, address=address, domain=name, state=State.BOUNCED)
        for kind in (Kind.SOFT_BOUNCE, Kind.BOUNCE):
            EventFactory(message=message, recipient=address, kind=kind)
        return message

    def test_an_earlier_time_has_newest_ones_of_its_own(self, account, monkeypatch):
        monkeypatch.setattr(search, "NEWEST", 2)
        now = timezone.now()
        days = [self.days_ago(account, now, days) for days in (4, 3, 2, 1)]

        assert found(account, tag="a") == days[2:]
        assert found(account, tag="a", until=now - timedelta(days=1.5)) == days[1:3]
        assert found(account, since=now - timedelta(days=3.5)) == days[1:]

    def made(self, account, **fields):
        # Within one millisecond chance decides about the order of ids.
        messages = [MessageFactory(account=account, **fields) for _ in range(3)]
        return sorted(messages, key=lambda message: message.id)

    def days_ago(self, account, now, days):
        message_id = first_id_at(now - timedelta(days=days))
        return MessageFactory(account=account, id=message_id, tags=["a"])

    def test_it_finds_nothing_of_others(self, account):
        theirs = MessageFactory(subject="secret")
        RecipientFactory(message=theirs, address="carol@example.net")

        for query in (str(theirs.id), theirs.message_id_header, "secret", "carol@example.net"):
            assert found(account, query=query) == []


class TestPages:
    def test_a_cursor_stays_good_when_its_message_leaves_the_list(self):
        alice = Caller("Alice", "alices.example")
        recipients = [RecipientFactory(message__account=alice.account) for _ in range(3)]
        first = alice.call("GET", "messages?state=queued&limit=1").json()
        cursor = first["next_cursor"]
        Recipient.objects.filter(message=cursor).update(
            state=State.CANCELLED, due_at=None, settled_at=timezone.now()
        )

        second = alice.call("GET", f"messages?state=queued&limit=5&after={cursor}")

        listed = [one["id"] for one in second.json()["data"]]
        assert listed == sorted({str(one.message_id) for one in recipients} - {cursor})[::-1]

    def test_a_message_without_measure_is_told_in_part(self, monkeypatch):
        monkeypatch.setattr(api_lists, "MOST_EVENTS", 2)
        alice = Caller("Alice", "alices.example")
        message = MessageFactory(account=alice.account, subject="x" * 5000)
        for _ in range(3):
            EventFactory(message=message)

        told = alice.call("GET", f"messages/{message.id}").json()

        assert len(told["events"]) == 2
        assert len(told["subject"]) == 998
