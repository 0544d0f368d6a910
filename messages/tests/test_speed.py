"""How fast a site is thought to be, and when what it was too full for comes back."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from accounts.message_class import MessageClass
from messages.exchangers import Exchangers
from messages.shaping import speed, standing
from messages.shaping.shaper import Shaper
from messages.shaping.speed import Speed
from messages.shaping.standing import RETURN_WITHIN, Standing

SHARE = 250


class Clock:
    """What the modules under test take for the time."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def read(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    told = SimpleNamespace(monotonic=clock.read, time=clock.read)
    for module in (speed, standing):
        monkeypatch.setattr(module, "time", told)
    return clock


def lives(clock, its, seconds, answers, *, is_busy=True):
    """Let so many answers come in each of some seconds, after one in which work came."""
    its.tick(is_busy=is_busy)
    for _ in range(seconds):
        for _ in range(answers):
            its.count()
        clock.now += 1
        its.tick(is_busy=is_busy)


class TestSpeed:
    def test_a_site_that_had_no_second_to_show_it_is_not_thought_slow(self, clock):
        its = Speed()
        clock.now += 1
        its.tick(is_busy=True)  # work came just now

        assert its.crowded(SHARE) > 1000
        assert its.may_wait(999)

    def test_nor_is_one_that_is_only_opening_its_connections(self, clock):
        its = Speed()
        clock.now += 1
        lives(clock, its, 2, 0)

        assert its.crowded(SHARE) > 1000

    def test_one_that_answers_nothing_keeps_its_share_and_no_more(self, clock):
        its = Speed()
        clock.now += 1
        lives(clock, its, 3, 0)

        assert its.crowded(SHARE) == SHARE
        assert its.may_wait(SHARE - 1) and not its.may_wait(SHARE)

    def test_a_fast_one_may_hold_what_it_serves_in_some_seconds(self, clock):
        its = Speed()
        clock.now += 1
        lives(clock, its, 3, 500)

        assert its.crowded(SHARE) == 5000

    def test_who_had_nothing_to_do_is_as_fast_as_before(self, clock):
        its = Speed()
        clock.now += 1
        lives(clock, its, 3, 500)
        lives(clock, its, 60, 0, is_busy=False)

        assert its.per_second == 500
        assert its.crowded(SHARE) == 5000


class TestReturn:
    @pytest.fixture
    def site(self, clock):
        async def made():
            shaper = Shaper("speed")
            standing = Standing(Exchangers((("mx1.example.net",),)), shaper, lambda: None)
            await shaper.close()
            return standing

        return asyncio.run(made())

    def waits(self, clock, site, per_second, count):
        """Return for how many seconds each of some messages is put off."""
        due = [
            site.put_off_for_rate(per_second, (1, MessageClass.STANDARD)).due_at
            for _ in range(count)
        ]
        return [(one - datetime.now(UTC)).total_seconds() for one in due]

    def test_they_come_back_one_after_the_other_as_fast_as_it_takes_them(self, clock, site):
        found = self.waits(clock, site, 2, 100)

        assert found == sorted(found)
        assert 40 < found[-1] < 60

    def test_all_come_back_within_a_while(self, clock, site):
        found = self.waits(clock, site, 0.2, 1000)

        assert max(found) <= RETURN_WITHIN

    def test_what_was_thought_of_a_slow_one_is_forgotten_when_it_is_fast(self, clock, site):
        self.waits(clock, site, 0.2, 1000)  # they would take it 5,000 s

        clock.now += 2
        assert max(self.waits(clock, site, 500, 100)) < 5

    def test_those_that_came_back_keep_nobody_waiting(self, clock, site):
        self.waits(clock, site, 10, 100)

        clock.now += 10
        assert max(self.waits(clock, site, 10, 10)) < 2
