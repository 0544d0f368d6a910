"""Digests are spread over a window, evenly, whatever their number."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from messages import acceptance, spreading
from messages.models import Recipient
from messages.spreading import FIRST
from messages.tests.factories import AccountFactory
from messages.tests.test_acceptance import FROM, submission

HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)


def stream():
    """Somebody who has sent nothing yet."""
    return 1, f"{uuid.uuid4().hex}.example"


def delays_of(streams):
    """How long digests of these streams wait, in their order."""
    places = [(uuid.uuid4(), "carol@example.net") for _ in streams]
    delays = spreading.delays(dict(zip(places, streams, strict=True)))
    return [delays.get(place, AT_ONCE) for place in places]


class TestDelays:
    def test_the_first_few_go_at_once(self):
        assert delays_of([stream()] * FIRST) == [AT_ONCE] * FIRST

    def test_those_that_follow_fall_between_each_other(self):
        delays = delays_of([stream()] * (FIRST + 3))

        minutes = [delay / timedelta(minutes=1) for delay in delays[FIRST:]]
        assert minutes == [30, 15, 45]

    def test_it_does_not_matter_in_how_many_batches_they_come(self):
        one, other = stream(), stream()
        at_a_time = [delays_of([one])[0] for _ in range(FIRST + 5)]

        assert at_a_time == delays_of([other] * (FIRST + 5))

    def test_each_account_and_destination_has_a_window_of_its_own(self):
        first = stream()
        delays_of([first] * 50)

        assert delays_of([(2, first[1]), stream()]) == [AT_ONCE] * 2

    def test_domains_of_one_site_are_one_destination(self):
        site, domains = stream()[1], [stream() for _ in range(FIRST + 3)]
        for _, domain in domains:
            spreading._redis().set(spreading.destination_key(domain), site, ex=60)

        delays = delays_of(domains)

        assert delays[:FIRST] == [AT_ONCE] * FIRST
        assert [delay / timedelta(minutes=1) for delay in delays[FIRST:]] == [30, 15, 45]

    def test_without_a_window_nobody_waits(self, settings):
        settings.DIGEST_WINDOW = 0
        assert set(delays_of([stream()] * 50)) == {AT_ONCE}

    def test_a_redis_that_is_gone_leaves_it_to_chance(self, settings, monkeypatch):
        nowhere = redis.Redis.from_url("redis://127.0.0.1:1/0")
        monkeypatch.setattr(spreading, "_redis", lambda: nowhere)

        delays = delays_of([stream() for _ in range(50)])

        assert all(AT_ONCE < delay < HOUR for delay in delays) and len(set(delays)) > 1

    @hypothesis(deadline=None)
    @given(st.integers(1, 3000))
    def test_any_number_is_spread_evenly(self, number):
        places = sorted(spreading._share(FIRST + n) for n in range(number))

        gaps = [after - before for before, after in zip([0, *places], [*places, 1], strict=True)]
        assert max(gaps) <= 2 / number + 1e-9 or number == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "later"), [("digest", 3), ("standard", 0), ("priority", 0)])
def test_only_digests_are_stored_with_a_time_to_come(name, later):
    account, domain = AccountFactory(), f"{uuid.uuid4().hex}.example"
    header = FROM + f"X-CloudMTA-Class: {name}\r\n\r\n".encode()
    to = [f"r{n}@{domain}" for n in range(FIRST + 3)]

    acceptance.store([acceptance.check(submission(header, *to, account_id=account.id))])

    stored = Recipient.objects.filter(account=account)
    assert stored.filter(due_at__gt=datetime.now(UTC)).count() == later
    assert stored.count() == FIRST + 3
