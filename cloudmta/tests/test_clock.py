"""Of many clocks one acts, and another takes over when it goes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import Celery
from django.db import connection

from cloudmta.clock import WAIT, OneActs

pytestmark = pytest.mark.django_db(transaction=True)


class Recorder(OneActs):
    """A clock that writes down what it rings for."""

    def __init__(self):
        app = Celery("clocks", broker="memory://", set_as_current=False)
        app.conf.beat_schedule = {"ring": {"task": "ring", "schedule": timedelta(seconds=0.01)}}
        super().__init__(app)
        self.rung = 0

    def setup_schedule(self):
        self.merge_inplace(self.app.conf.beat_schedule)

    def apply_entry(self, entry, producer=None):
        self.rung += 1


class Machine:
    """A thread of its own has a connection of its own, as a process has."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(1)
        self.clock = Recorder()

    def tick(self):
        return self._thread.submit(self.clock.tick).result()

    def die(self):
        self._thread.submit(lambda: connection.close()).result()


@pytest.fixture
def machines():
    first, second = Machine(), Machine()
    yield first, second
    first.die()
    second.die()


def ring(machine):
    """Tick until the clock has rung once more; the schedule is due at every look."""
    before = machine.clock.rung
    for _ in range(1000):
        machine.tick()
        if machine.clock.rung > before:
            return True
    return False


def test_the_first_one_acts_and_the_second_waits(machines):
    first, second = machines

    assert ring(first)
    assert second.tick() == WAIT
    assert second.clock.rung == 0


def test_the_second_takes_over_when_the_first_is_gone(machines):
    first, second = machines
    ring(first)
    second.tick()

    first.die()

    assert ring(second)
    assert first.tick() == WAIT


def test_a_clock_without_database_rings_for_nothing():
    lonely = Recorder()

    with ThreadPoolExecutor(1) as thread:
        wait = thread.submit(_tick_without_database, lonely).result()

    assert (wait, lonely.rung) == (WAIT, 0)


def _tick_without_database(clock):
    connection.settings_dict = connection.settings_dict | {"HOST": "/nowhere"}
    return clock.tick()
