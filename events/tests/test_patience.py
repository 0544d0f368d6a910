from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import patience

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class TestSchedule:
    def test_ten_attempts_within_three_days_and_a_few_hours(self):
        waits = [patience.until_next_attempt(number) for number in range(1, 10)]

        for wait, planned in zip(waits, patience.RETRY_AFTER, strict=True):
            assert 0.8 * planned <= wait <= 1.2 * planned
        assert sum(patience.RETRY_AFTER, timedelta(0)) == timedelta(hours=75, minutes=35, seconds=5)
        assert patience.until_next_attempt(10) is None

    def test_the_breaker_opens_at_the_third_failure_and_for_longer_each_time(self):
        assert [patience.pause_after(n) for n in (1, 2)] == [timedelta(0)] * 2
        for failures, seconds in ((3, 5), (4, 10), (5, 20), (9, 300), (10**6, 300)):
            pause = patience.pause_after(failures).total_seconds()
            assert 0.8 * seconds <= pause <= 1.2 * seconds


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("status", "value", "seconds"),
        [
            (503, "120", 120), (429, " 5 ", 5), (502, "0", 0), (504, "86401", 86400),
            (503, "9" * 400, 86400), (503, "Tue, 24 Nov 2026 12:01:00 GMT", 60),
            (503, "Tue, 24 Nov 2026 11:59:00 GMT", 0),
            (503, "Fri, 24 Nov 2028 12:00:00 GMT", 86400),
            (503, "-5", 0), (503, "soon", 0), (503, "", 0), (503, "٣", 0), (500, "120", 0),
            (200, "120", 0), (None, "120", 0),
        ],
    )  # fmt: skip
    def test_what_an_endpoint_wishes(self, status, value, seconds):
        assert patience.wish(status, value, NOW) == timedelta(seconds=seconds)

    @given(st.text(max_size=60))
    def test_any_text_is_a_wish_within_a_day_or_none(self, text):
        assert timedelta(0) <= patience.wish(503, text, NOW) <= timedelta(hours=24)
