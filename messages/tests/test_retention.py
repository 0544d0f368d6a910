"""What is forgotten by age, what is not, and that the books add up afterwards."""

import json
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from events import retention as events_retention
from events.identifiers import first_id_at, new_id
from events.models import Event, EventsForgotten, Kind, Tally
from messages import audit, retention
from messages.models import (
    Attempt,
    Content,
    Message,
    Recipient,
    RecipientsForgotten,
    Refusal,
    State,
)
from messages.tests.factories import AccountFactory, EventFactory, MessageFactory, RecipientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return AccountFactory(content_days=30, message_days=90, event_days=400)


def sent(account, days, state=State.DELIVERED, **fields):
    """A message as old as that, with one recipient, its attempt, its event, and its tallies."""
    moment = timezone.now() - timedelta(days=days, minutes=5)
    since = first_id_at(moment)
    # Ids are in the order of time; of one moment there are many.
    name = type(since)(int=since.int | new_id().int & (1 << 62) - 1)
    message = MessageFactory(account=account, id=name, accepted_at=moment, content=b"x", **fields)
    recipient = RecipientFactory(message=message, state=state, accepted_at=moment)
    Attempt.objects.create(
        recipient=recipient, number=1, started_at=moment, duration=timedelta(0), reply="250 ok"
    )
    count(account, Tally.ACCEPTED, moment)
    if state is State.DELIVERED:
        EventFactory(
            message=message, id=name, recipient=recipient.address, timestamp=moment
        )  # fmt: skip
        count(account, Kind.DELIVERY, moment)
    return message


def count(account, kind, moment):
    hour = moment.replace(minute=0, second=0, microsecond=0)
    tally, _ = Tally.objects.get_or_create(
        account=account, hour=hour, message_class=1, tag="", kind=kind, defaults={"count": 0}
    )
    Tally.objects.filter(pk=tally.pk).update(count=tally.count + 1)


def forget():
    retention.forget(seconds=10)
    events_retention.forget(seconds=10)


def books_add_up():
    with connection.cursor() as cursor:
        cursor.execute(audit.BY_DAY)
        for _, day, accepted, states in cursor.fetchall():
            assert accepted == sum(json.loads(states).values()), day
        for what, question in audit.QUESTIONS.items():
            cursor.execute(question)
            assert cursor.fetchone() == (0,), what


def test_contents_go_first_and_messages_stay(account):
    old, young = sent(account, 31), sent(account, 29)

    forget()

    assert not Content.objects.filter(message=old).exists()
    assert Content.objects.filter(message=young).exists()
    assert Message.objects.filter(pk=old.pk).exists()
    books_add_up()


def test_messages_go_with_all_that_hangs_on_them_and_stay_counted(account):
    gone, kept = sent(account, 91), sent(account, 89)

    forget()

    assert list(Message.objects.values_list("pk", flat=True)) == [kept.pk]
    assert Recipient.objects.count() == Attempt.objects.count() == 1
    counted = RecipientsForgotten.objects.get()
    assert (counted.state, counted.count, counted.day) == (
        State.DELIVERED, 1, gone.accepted_at.date(),
    )  # fmt: skip
    # The event tells of it for a year more.
    assert Event.objects.filter(message_id=gone.pk).exists()
    books_add_up()


def test_what_an_open_recipient_needs_stays_whatever_its_age(account):
    message = sent(account, 200, State.DEFERRED)

    forget()

    assert Content.objects.filter(message=message).exists()
    assert Recipient.objects.filter(message=message).exists()
    books_add_up()


def test_it_is_forgotten_as_soon_as_it_is_settled(account):
    message, later = sent(account, 40, State.DEFERRED), sent(account, 35)
    forget()
    assert not Content.objects.filter(message=later).exists()

    Recipient.objects.filter(message=message).update(
        state=State.CANCELLED, due_at=None, settled_at=timezone.now()
    )
    forget()

    assert not Content.objects.filter(message=message).exists()


def test_no_days_mean_gone_when_the_last_recipient_is_settled():
    account = AccountFactory(content_days=0)
    done, half_done = sent(account, 0), sent(account, 0)
    RecipientFactory(message=half_done, state=State.DEFERRED)

    retention.forget(seconds=10)

    assert list(Content.objects.values_list("message", flat=True)) == [half_done.pk]
    assert Message.objects.filter(pk=done.pk).exists()


def test_events_go_by_age_but_not_before_their_message(account):
    account.event_days, account.message_days = 30, 90
    account.save()
    shown, old = sent(account, 60), sent(account, 120)

    forget()

    assert list(Event.objects.values_list("message_id", flat=True)) == [shown.pk]
    assert not Message.objects.filter(pk=old.pk).exists()
    assert EventsForgotten.objects.get().count == 1
    books_add_up()


def test_the_first_open_of_each_is_counted_twice_as_tallies_do(account):
    message = sent(account, 500)
    moment = message.accepted_at
    EventFactory(
        message=message, id=first_id_at(moment), kind=Kind.OPEN, timestamp=moment,
        details={"is_first": True},
    )  # fmt: skip
    count(account, Kind.OPEN, moment)
    count(account, "unique_open", moment)

    forget()

    assert set(EventsForgotten.objects.values_list("kind", "count")) == {
        ("delivery", 1), ("open", 1), ("unique_open", 1),
    }  # fmt: skip
    books_add_up()


def test_a_second_turn_counts_nothing_twice_and_adds_to_the_first(account):
    sent(account, 91)
    forget()
    forget()
    sent(account, 91)
    forget()

    assert RecipientsForgotten.objects.get().count == 2
    books_add_up()


def test_many_are_forgotten_in_small_transactions(account, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    for _ in range(10):
        sent(account, 95)

    forget()

    assert not Message.objects.exists()
    assert RecipientsForgotten.objects.get().count == 10


def test_a_turn_ends_in_time(account):
    sent(account, 95)

    retention.forget_messages(account, deadline=time.monotonic() - 1)

    assert Message.objects.exists()


def test_mail_in_test_mode_is_in_no_book(account):
    message = MessageFactory(
        account=account, id=first_id_at(timezone.now() - timedelta(days=95)), is_test=True
    )
    RecipientFactory(message=message, state=State.DELIVERED)

    retention.forget(seconds=10)

    assert not Message.objects.exists()
    assert not RecipientsForgotten.objects.exists()


def test_nobody_elses_mail_is_touched(account):
    patient = AccountFactory(content_days=365, message_days=730)
    sent(account, 100)
    theirs = sent(patient, 100)

    forget()

    assert list(Message.objects.all()) == [theirs]
    assert Content.objects.filter(message=theirs).exists()


def test_refusals_go_as_messages_do(account):
    for days in (91, 89):
        Refusal.objects.create(
            account=account, door="smtp", reverse_path="", reply="550 no",
            refused_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip

    retention.forget(seconds=10)

    assert Refusal.objects.count() == 1


def test_of_more_refusals_than_anybody_reads_the_newest_stay(account, monkeypatch):
    monkeypatch.setattr(retention, "MOST_REFUSALS", 3)
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    others = Refusal.objects.create(account=AccountFactory(), door="smtp", reply="550 no")
    for number in range(8):
        Refusal.objects.create(account=account, door="smtp", reply=f"550 {number}")

    retention.forget(5)

    kept = Refusal.objects.filter(account=account).order_by("id")
    assert [one.reply for one in kept] == ["550 5", "550 6", "550 7"]
    assert Refusal.objects.filter(pk=others.pk).exists()
