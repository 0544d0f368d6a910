from datetime import UTC, datetime, timedelta

import pytest

from accounts.message_class import MessageClass
from accounts.templatetags.moments import clock, exact_moment, relative
from events.models import Kind
from messages.models import Recipient, State
from messages.templatetags.wording import EVENTS, STATES, event_chip, stands

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


class TestChip:
    def test_every_state_has_one(self):
        assert set(STATES) == set(State)

    def test_every_kind_of_event_has_one(self):
        assert set(EVENTS) == set(Kind)

    def test_a_kind_of_a_later_version_is_shown_as_it_is(self):
        assert event_chip("spam_complaint")["chip"].word == "spam complaint"


class TestStanding:
    @pytest.mark.parametrize(
        ("state", "fields", "words"),
        [
            (State.QUEUED, {"due_at": NOW}, "We try any moment now."),
            (State.QUEUED, {"due_at": SOON}, "We try at 14:05 UTC."),
            (State.LEASED, {"attempt_count": 2}, "We are sending it now (2 of 18)."),
            (
                State.DEFERRED,
                {"due_at": SOON, "attempt_count": 2},
                "It did not work for now. We try again at 14:05 UTC (3 of 18).",
            ),
            (
                State.DEFERRED,
                {"due_at": SOON, "attempt_count": 2, "reply": "452 4.2.2 Over quota"},
                "Their mailbox is full. We try again at 14:05 UTC (3 of 18).",
            ),
            (
                State.DEFERRED,
                {"due_at": SOON, "attempt_count": 20},
                "It did not work for now. We try again at 14:05 UTC (21 of 21).",
            ),
            (
                State.DEFERRED,
                {"due_at": NOW, "attempt_count": 1},
                "It did not work for now. We try again any moment now (2 of 18).",
            ),
            (
                State.HELD,
                {"due_at": SOON},
                "We hold it back, and look at it again at 14:05 UTC.",
            ),
            (State.DELIVERED, {}, "Their server took responsibility for it."),
            (
                State.BOUNCED,
                {"reply": "550 5.1.1 No such user"},
                "There is no such mailbox. We do not try again.",
            ),
            (
                State.BOUNCED,
                {"reply": "550 Go away"},
                "It was refused for good. We do not try again.",
            ),
            (
                State.BOUNCED,
                {"reply": "452 4.2.2 Mailbox full"},
                "Their mailbox is full. It did not work in time, and we gave up.",
            ),
            (
                State.BLOCKED,
                {"reply": "554 5.7.1 Listed by zen.spamhaus.org"},
                "Their server does not trust our address or your domain. We do not try again.",
            ),
            (State.BLOCKED, {"reply": "An earlier message to it bounced"}, "We did not try."),
            (State.BLOCKED, {}, "We did not try."),
            (State.CANCELLED, {}, "You took it back before it was sent."),
        ],
    )
    def test_it_says_what_is_and_what_comes_next(self, state, fields, words):
        recipient = Recipient(state=state, message_class=MessageClass.STANDARD, **fields)

        assert stands(recipient, NOW) == words


class TestMoments:
    @pytest.mark.parametrize(
        ("distance", "words"),
        [
            (timedelta(0), "just now"),
            (timedelta(seconds=59), "just now"),
            (timedelta(minutes=1), "1 minute ago"),
            (timedelta(minutes=59, seconds=59), "59 minutes ago"),
            (timedelta(hours=2), "2 hours ago"),
            (timedelta(days=6, hours=23), "6 days ago"),
            (timedelta(days=7), "15 Nov 2026"),
            (-timedelta(seconds=5), "in a moment"),
            (-timedelta(hours=1), "in 1 hour"),
        ],
    )
    def test_a_time_that_stands_alone_is_relative(self, distance, words):
        assert relative(NOW - distance, NOW) == words

    @pytest.mark.parametrize(
        ("distance", "words"),
        [
            (timedelta(minutes=5), "14:05 UTC"),
            (timedelta(hours=10), "tomorrow, 00:00 UTC"),
            (timedelta(days=3), "25 Nov, 14:00 UTC"),
        ],
    )
    def test_a_time_in_a_sentence_is_that_of_the_clock(self, distance, words):
        assert clock(NOW + distance, NOW) == words

    def test_the_exact_time_is_there_for_people_and_for_machines(self):
        assert exact_moment(NOW) == (
            '<time datetime="2026-11-22T14:00:00.000+00:00" title="2026-11-22 14:00:00 UTC">'
            "2026-11-22 14:00:00 UTC</time>"
        )
