"""Tallies: by tag, class, domain and destination, and how long delivery took."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.message_class import MessageClass
from events import ledger, tallies
from events.ledger import NewEvent
from events.models import DeliveryTime, DomainTally, Kind, Tally
from events.tallies import Sums, bucket_of, percentile
from messages.tests.factories import AccountFactory

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DESTINATION = DomainTally.Side.DESTINATION


def count(account, kind, *destinations, when=NOON, tags=()):
    sums = Sums()
    sums.add(kind, account.pk, when, MessageClass.STANDARD, tags, "shop.example", destinations)
    sums.write()


def by_domain(account, side):
    rows = DomainTally.objects.filter(account=account, side=side).order_by("domain")
    return [(row.domain, row.kind, row.count) for row in rows]


@pytest.mark.django_db
class TestSums:
    def test_what_is_written_twice_adds_up(self):
        account = AccountFactory()
        for _ in range(2):
            count(account, "accepted", "a.example", "a.example", "b.example", tags=["x", "y"])

        assert {(row.tag, row.count) for row in Tally.objects.all()} == {
            ("", 6), ("x", 6), ("y", 6),
        }  # fmt: skip
        assert by_domain(account, DomainTally.Side.SENDER) == [("shop.example", "accepted", 6)]
        assert by_domain(account, DESTINATION) == [
            ("a.example", "accepted", 4), ("b.example", "accepted", 2),
        ]  # fmt: skip

    def test_nobody_makes_no_row(self):
        count(AccountFactory(), "bounce")

        assert not Tally.objects.exists()
        assert not DomainTally.objects.exists()

    def test_times_are_counted_in_their_hour_by_class(self):
        account = AccountFactory()
        sums = Sums()
        for seconds in (1.0, 1.0, 60.0):
            sums.add_time(account.pk, NOON.replace(minute=59), MessageClass.PRIORITY, seconds)
        sums.write()

        rows = DeliveryTime.objects.values_list("hour", "message_class", "bucket", "count")
        assert set(rows) == {(NOON, 0, bucket_of(1.0), 2), (NOON, 0, bucket_of(60.0), 1)}


@pytest.mark.django_db
class TestFolding:
    def test_only_the_greatest_destinations_of_an_hour_stay_apart(self, monkeypatch):
        monkeypatch.setattr(tallies, "FOLD", tallies.FOLD.replace("place > 50", "place > 2"))
        account, other = AccountFactory(), AccountFactory()
        count(account, "accepted", "a.example", "a.example", "b.example", "b.example", "c.example")
        count(account, "accepted", "d.example")
        count(account, "bounce", "a.example", "c.example", "d.example")
        count(other, "accepted", "c.example")

        for _ in range(2):  # a second turn finds nothing more
            tallies.fold_destinations(NOON + timedelta(hours=3))

        assert by_domain(account, DESTINATION) == [
            ("", "accepted", 2), ("", "bounce", 2), ("a.example", "accepted", 2),
            ("a.example", "bounce", 1), ("b.example", "accepted", 2),
        ]  # fmt: skip
        assert by_domain(other, DESTINATION) == [("c.example", "accepted", 1)]

    def test_an_hour_that_may_still_grow_stays_as_it_is(self, monkeypatch):
        monkeypatch.setattr(tallies, "FOLD", tallies.FOLD.replace("place > 50", "place > 0"))
        account = AccountFactory()
        count(account, "accepted", "a.example")

        tallies.fold_destinations(NOON + timedelta(hours=1, minutes=59))

        assert by_domain(account, DESTINATION) == [("a.example", "accepted", 1)]


class TestPercentiles:
    @given(st.lists(st.floats(0.07, 10**7), min_size=1), st.sampled_from([0.5, 0.95]))
    def test_they_are_told_to_nine_percent(self, seconds, share):
        told = percentile(Counter(map(bucket_of, seconds)), share)

        exact = sorted(seconds)[max(0, -int(-len(seconds) * share // 1) - 1)]
        assert told == pytest.approx(exact, rel=0.095)

    @given(st.floats(min_value=-10, max_value=10**12))
    def test_any_time_has_a_bucket(self, seconds):
        assert 0 <= bucket_of(seconds) <= tallies.LAST_BUCKET

    def test_of_nothing_there_is_none(self):
        assert percentile({}, 0.5) is None


@pytest.mark.django_db
class TestLedger:
    def event(self, account, **fields):
        return NewEvent(
            kind=Kind.DELIVERY, account_id=account.pk, message_id=ledger.new_id(),
            recipient="Carol@A.example", destination="a.example", sender_domain="shop.example",
            message_class=MessageClass.STANDARD, timestamp=NOON, message_id_header="", tags=[],
            waited=2.0, **fields,
        )  # fmt: skip

    def test_an_event_counts_for_both_domains_and_its_time(self):
        account = AccountFactory()

        ledger.record_all([self.event(account)])

        assert by_domain(account, DESTINATION) == [("a.example", "delivery", 1)]
        assert by_domain(account, DomainTally.Side.SENDER) == [("shop.example", "delivery", 1)]
        assert DeliveryTime.objects.get().bucket == bucket_of(2.0)

    def test_a_test_counts_nowhere(self):
        ledger.record_all([self.event(AccountFactory(), is_test=True)])

        assert not DomainTally.objects.exists()
        assert not DeliveryTime.objects.exists()
