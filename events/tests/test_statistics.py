from datetime import UTC, datetime, timedelta

import pytest

from accounts.message_class import MessageClass
from events import statistics
from events.models import Tally
from events.statistics import KINDS, Query
from messages.tests.factories import AccountFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def tally(account, hour, kind, count, tag="", message_class=MessageClass.STANDARD):
    Tally.objects.create(
        account=account, hour=hour, kind=kind, count=count, tag=tag, message_class=message_class
    )


def query(account, since=NOON, until=NOON + timedelta(hours=3), interval="hour", **wanted):
    return Query(account, since, until, interval, **wanted)


class TestByInterval:
    def test_every_interval_has_every_kind(self):
        account = AccountFactory()
        tally(account, NOON + timedelta(hours=1), "delivery", 5)

        buckets = statistics.by_interval(query(account))

        assert [bucket.start.hour for bucket in buckets] == [12, 13, 14]
        assert [bucket.counts["delivery"] for bucket in buckets] == [0, 5, 0]
        assert all(tuple(bucket.counts) == KINDS for bucket in buckets)

    def test_days_begin_at_midnight_utc(self):
        account = AccountFactory()
        tally(account, NOON.replace(hour=0), "bounce", 1)
        tally(account, NOON.replace(hour=23), "bounce", 2)

        (day,) = statistics.by_interval(query(account, interval="day"))

        assert (day.start, day.counts["bounce"]) == (NOON.replace(hour=0), 3)

    def test_classes_are_added_up_or_chosen(self):
        account = AccountFactory()
        tally(account, NOON, "accepted", 1, message_class=MessageClass.PRIORITY)
        tally(account, NOON, "accepted", 2)

        both = statistics.by_interval(query(account))
        one = statistics.by_interval(query(account, message_class=MessageClass.PRIORITY))

        assert (both[0].counts["accepted"], one[0].counts["accepted"]) == (3, 1)

    def test_a_tag_counts_its_own_and_none_counts_all_once(self):
        account = AccountFactory()
        tally(account, NOON, "accepted", 3)
        tally(account, NOON, "accepted", 2, tag="welcome")

        assert statistics.by_interval(query(account))[0].counts["accepted"] == 3
        assert statistics.by_interval(query(account, tag="welcome"))[0].counts["accepted"] == 2

    def test_other_accounts_do_not_count(self):
        tally(AccountFactory(), NOON, "accepted", 3)

        assert statistics.total(statistics.by_interval(query(AccountFactory())))["accepted"] == 0


class TestRates:
    def test_bounces_are_held_against_what_was_settled(self):
        counts = dict.fromkeys(KINDS, 0) | {"accepted": 200, "delivery": 98, "bounce": 2}

        rates = statistics.rates(counts)

        assert (rates["bounce"], rates["delivery"], rates["complaint"]) == (0.02, 0.98, 0.0)

    def test_of_nothing_there_is_no_rate(self):
        assert set(statistics.rates(dict.fromkeys(KINDS, 0)).values()) == {None}
