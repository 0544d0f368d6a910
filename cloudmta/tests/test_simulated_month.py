"""A month by the rules: good mail reaches its ceiling, bad mail is stopped on the day they say."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from accounts.volume import Standing, VolumeDay
from cloudmta.simulated_month import simulate

pytestmark = pytest.mark.django_db


def allowances(days):
    return [day.allowance for day in days]


def test_with_one_percent_of_bounces_the_ceiling_is_reached_by_a_stage_a_day():
    days = simulate(0.01, 16, 10_000)

    assert allowances(days) == [
        150, 250, 400, 700, 1_000, 1_500, 2_000, 2_600, 3_400, 4_400, 5_700, 7_400, 9_600,
        10_000, 10_000, 10_000,
    ]  # fmt: skip
    assert {day.standing for day in days} == {Standing.GOOD}
    assert days[-1].decision == VolumeDay.Decision.CEILING
    assert all(day.sent == day.allowance for day in days)


def test_with_three_percent_it_holds_and_has_a_notice():
    days = simulate(0.03, 10, 10_000)

    # Day 1 holds for its own 2.7 %; five bounces of a hundred recipients are there on day 2.
    assert set(allowances(days)) == {150}
    assert {day.standing for day in days[1:]} == {Standing.NOTICE}
    assert [day.mails for day in days[:3]] == [[], ["Your sending reputation: notice"], []]
    assert {day.decision for day in days} == {VolumeDay.Decision.HELD}


def test_with_six_percent_it_comes_under_review_on_the_first_day():
    days = simulate(0.06, 5, 10_000)

    assert {day.standing for day in days} == {Standing.REVIEW}
    assert {day.decision for day in days} == {VolumeDay.Decision.STEPPED_BACK}
    assert set(allowances(days)) == {150}


def test_with_twelve_percent_it_is_paused_after_the_first_hundred_recipients():
    first, *others = simulate(0.12, 5, 10_000)

    assert first.standing == Standing.PAUSED
    assert 100 <= first.sent < 110
    assert [day.sent for day in others] == [0, 0, 0, 0]
    assert first.mails[-1] == "Sending is paused"
    assert not any(day.mails for day in others)


def test_who_has_grown_and_goes_bad_steps_back_day_by_day():
    days = simulate(0.06, 12, 10_000, good_days=5)

    assert allowances(days) == [
        150, 250, 400, 700, 1_000, 1_500, 1_000, 700, 400, 250, 150, 150,
    ]  # fmt: skip
    assert [day.standing for day in days[5:]] == [
        *[Standing.NOTICE] * 4, *[Standing.WARNING] * 2, Standing.REVIEW,
    ]  # fmt: skip
    # Each step is told, and a second one of the same day not by mail.
    assert [mail for day in days for mail in day.mails] == [
        f"Your sending reputation: {rung}" for rung in ("notice", "warning", "review")
    ]


def test_it_leaves_nothing_behind():
    simulate(0.12, 2, 10_000)

    assert not Account.objects.exists()
    assert not VolumeDay.objects.exists()


def test_the_command_prints_a_table_each():
    output = StringIO()

    call_command("simulate_month", "--bounces", "1", "12", "--days", "3", stdout=output)

    lines = output.getvalue().splitlines()
    assert "1 % of all recipients bounce" in lines
    assert sum(line.lstrip().startswith(("1 ", "2 ", "3 ")) for line in lines) >= 6
    assert "good → paused; mail “Sending is paused”" in output.getvalue()


@pytest.mark.parametrize("words", [["--bounces", "101"], ["--days", "0"], ["--ceiling", "0"]])
def test_the_command_says_what_is_wrong_with_its_options(words):
    with pytest.raises(CommandError, match=words[0]):
        call_command("simulate_month", *words)
