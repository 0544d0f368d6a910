"""The sums behind the figures of the benchmarks; nothing is started, nothing is timed."""

import random
from dataclasses import replace

import pytest

from benchmarks import crash_report, generator
from benchmarks.arithmetic import Counts, mismatches, most_at_once, per_message, percentile
from benchmarks.crash_report import Figures
from benchmarks.crash_targets import TARGETS, deck
from benchmarks.generator import Order, Press
from benchmarks.meter import name_of
from benchmarks.scenarios import ALL, BY_NAME, DEFAULT, MAX_MESSAGES, MAX_SECONDS, Load

# Ten messages to two recipients each, and nothing lost.
COUNTS = Counts(
    submitted=10,
    answered=10,
    ids=10,
    stored=10,
    promised=10,
    recipients=20,
    delivered=20,
    received=20,
    duplicates=0,
    delivery_events=20,
    accepted_tally=20,
    delivery_tally=20,
)


class TestReconciliation:
    def test_it_finds_nothing_where_all_counts_agree(self):
        assert mismatches(COUNTS, recipients=2) == []

    def test_it_names_what_does_not_add_up(self):
        counts = replace(COUNTS, delivery_events=19, duplicates=1)

        assert mismatches(counts, recipients=2) == [
            "duplicates is 1, not 0",
            "delivery_events is 19, not 20",
        ]

    @pytest.mark.parametrize("name", sorted(set(COUNTS.__dataclass_fields__) - {"submitted"}))
    def test_it_misses_none_of_the_counts(self, name):
        [mismatch] = mismatches(replace(COUNTS, **{name: 1234}), recipients=2)

        assert mismatch.startswith(f"{name} is 1,234, not ")

    def test_what_was_submitted_is_the_measure_of_all(self):
        assert len(mismatches(replace(COUNTS, submitted=11), recipients=2)) == 10


class TestPercentile:
    @pytest.mark.parametrize(
        ("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
    )
    def test_it_is_the_nearest_rank(self, percent, value):
        assert percentile(list(range(100, 0, -1)), percent) == value

    def test_of_one_value_it_is_that_value(self):
        assert percentile([7.5], 99) == 7.5

    def test_of_nothing_it_is_zero(self):
        assert percentile([], 50) == 0


class TestBacklog:
    def test_it_is_the_most_that_waited_at_one_time(self):
        assert most_at_once([(0, 10), (1, 3), (2, 4), (5, 6)]) == 3

    def test_who_leaves_as_another_comes_does_not_wait_with_him(self):
        assert most_at_once([(0, 1), (1, 2)]) == 1

    def test_of_nobody_it_is_zero(self):
        assert most_at_once([]) == 0


class TestCpu:
    def test_it_is_shared_among_the_messages_most_first(self):
        before, after = {"web": 1.0, "postgres": 2.0}, {"web": 1.5, "postgres": 4.0}

        shares = per_message(before, after, messages=1000)

        assert list(shares.items()) == [("postgres", 2000.0), ("web", 500.0)]

    def test_who_started_meanwhile_started_at_nothing(self):
        assert per_message({}, {"generator": 0.5}, messages=1000) == {"generator": 500.0}

    def test_octets_stay_octets(self):
        assert per_message({"WAL": 100.0}, {"WAL": 300.0}, 10, scale=1) == {"WAL": 20.0}

    def test_no_message_is_no_division_by_zero(self):
        assert per_message({"web": 1.0}, {"web": 1.0}, messages=0) == {"web": 0.0}


class TestNames:
    @pytest.mark.parametrize(
        ("command", "name"),
        [
            ("python manage.py submission", "submission"),
            ("python manage.py worker standard", "standard"),
            ("python manage.py worker priority standard", "priority-standard"),
            ("python /venv/bin/gunicorn cloudmta.wsgi --workers 1", "web"),
            ("/wheels/bin/postgres -D /var/postgres", "postgres"),
            ("/wheels/bin/redis-server unixsocket:/run/redis.sock", "redis"),
        ],
    )
    def test_it_is_that_of_the_procfile(self, command, name):
        assert name_of(command.split()) == name

    def test_one_without_a_command_line_has_none(self):
        assert name_of([]) == ""


class TestLetters:
    def test_each_has_its_own_recipients_in_turn_over_the_domains(self):
        press = Press(order(Load(recipients=2, domains=3)))

        assert press.letter(1).envelope == (
            b"MAIL FROM:<hello@demo.test>\r\n"
            b"RCPT TO:<user+2@d2.sim.test>\r\n"
            b"RCPT TO:<user+3@d0.sim.test>\r\n"
            b"DATA\r\n"
        )

    def test_it_waits_for_a_reply_to_each_command(self):
        assert Press(order(Load(recipients=5))).letter(0).replies == 7

    def test_the_classes_take_turns(self):
        press = Press(order(Load(classes=("digest", "standard"))))

        assert b"\r\nx-cloudmta-class: standard\r\n" in press.letter(3).content

    @pytest.mark.parametrize("size", [1_000, 10_000, 100_000])
    def test_it_has_about_the_size_that_is_asked_for(self, size):
        content = Press(order(Load(size=size))).letter(0).content

        assert abs(len(content) - size) < len(generator.LINE)


class TestScenarios:
    def test_every_load_is_bounded(self):
        loads = [load for one in ALL for load in (one.load, one.beside) if load]

        assert all(load.messages <= MAX_MESSAGES for load in loads)
        assert all(load.seconds <= MAX_SECONDS for load in loads)

    @pytest.mark.parametrize(
        ("name", "paused"),
        [
            ("digests", ("digest",)),
            ("priority", ("standard", "digest")),
            ("neighbour", ("standard", "digest")),
        ],
    )
    def test_whoever_could_send_a_backlog_stands_still_until_it_is_there(self, name, paused):
        assert BY_NAME[name].paused == paused

    def test_the_default_ones_are_there(self):
        assert set(DEFAULT) <= {scenario.name for scenario in ALL}


def order(load: Load) -> Order:
    return Order(
        load, "127.0.0.1", 2525, "name", "secret", "ca.pem", "hello@demo.test", 8000, "run"
    )


# A run of the crash test in which every promise was kept.
KEPT = Figures(
    submitted=100, answered=100, ids=100, stored=100, final=100, delivered=100, unanswered=2,
    unanswered_with_key=0, in_flight=10, copies=3, events=110, posted=110, posted_again=4,
    reports=5, reports_read=5, ledger="",
)  # fmt: skip


class TestCrashes:
    def test_it_finds_nothing_where_every_promise_was_kept(self):
        assert crash_report.faults(KEPT) == []
        assert crash_report.summary(KEPT)[-1] == "Nothing was lost, and the ledger adds up."

    @pytest.mark.parametrize(
        ("wrong", "fault"),
        [
            ({"answered": 99}, "1 messages were never answered"),
            ({"ids": 99}, "1 answers gave an id a second time"),
            ({"stored": 99}, "1 answered messages are not stored"),
            ({"final": 98}, "2 answered messages have no final state"),
            ({"delivered": 97}, "3 answered messages never arrived"),
            ({"unanswered_with_key": 1}, "1 messages were stored twice under one key"),
            ({"copies": 11}, "1 second copies more than attempts were in flight"),
            ({"posted": 109}, "1 events never reached the webhook"),
            ({"reports_read": 4}, "1 reports were not read"),
            ({"ledger": "FAULT"}, "the ledger: FAULT"),
        ],
    )
    def test_it_names_each_promise_that_was_not(self, wrong, fault):
        assert fault in crash_report.faults(replace(KEPT, **wrong))

    def test_what_is_stored_and_never_arrived_is_lost(self):
        assert replace(KEPT, delivered=97).lost == 3

    def test_everybody_has_his_turn_before_anybody_has_a_second(self):
        targets = deck(random.Random(1))

        assert {next(targets) for _ in TARGETS} == set(TARGETS)
