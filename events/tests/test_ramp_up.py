"""What the end of a day decides: a stage more, the same again, or a stage less."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from accounts.volume import Standing, VolumeDay
from events import ramp_up
from events.models import Tally
from messages.tests.factories import AccountFactory

pytestmark = pytest.mark.django_db

Decision = VolumeDay.Decision
DAY = date(2026, 11, 24)
AFTER = datetime(2026, 11, 25, 0, 5, tzinfo=UTC)


@pytest.fixture
def account():
    return AccountFactory(stage=2, ceiling=2_000, allowance=400)


def sent(account, used=400, day=DAY, allowance=400, **counts):
    for kind, count in counts.items():
        Tally.objects.create(
            account=account, hour=datetime.combine(day, time(10), UTC), message_class=1, tag="",
            kind=kind, count=count,
        )  # fmt: skip
    return VolumeDay.objects.create(account=account, day=day, allowance=allowance, used=used)


def decided(account, now=AFTER):
    ramp_up.decide_days(now)
    account.refresh_from_db()
    row = VolumeDay.objects.latest("day")
    return row.decision, account.stage, account.allowance


class TestDay:
    def test_a_good_day_leads_to_the_next_stage(self, account):
        sent(account, used=200, delivery=197, bounce=3)

        assert decided(account) == (Decision.ADVANCED, 3, 700)

    def test_a_day_of_which_less_than_half_was_used_holds(self, account):
        sent(account, used=199, delivery=199)

        assert decided(account) == (Decision.HELD, 2, 400)
        assert VolumeDay.objects.get().reason == "Less than half was used: 199 of 400"

    @pytest.mark.parametrize(
        "counts",
        [
            {"delivery": 392, "bounce": 8},
            {"delivery": 9_990, "complaint": 10},
        ],
    )
    def test_two_percent_of_bounces_or_a_thousandth_of_complaints_hold(self, account, counts):
        sent(account, **counts)

        assert decided(account) == (Decision.HELD, 2, 400)

    @pytest.mark.parametrize(
        "counts",
        [{"delivery": 380, "bounce": 20}, {"delivery": 2_000, "complaint": 6}],
    )
    def test_five_percent_or_three_thousandths_step_back(self, account, counts):
        sent(account, **counts)

        assert decided(account) == (Decision.STEPPED_BACK, 1, 250)

    def test_a_few_bounces_of_few_recipients_hold_and_do_not_step_back(self, account):
        sent(account, used=60, delivery=56, bounce=4)

        assert decided(account)[:2] == (Decision.HELD, 2)

    def test_who_stands_on_a_rung_of_the_ladder_holds(self, account):
        account.standing = Standing.NOTICE
        account.save()
        sent(account, delivery=400)

        assert decided(account) == (Decision.HELD, 2, 400)

    def test_a_pause_holds_whatever_the_day_was(self, account):
        account.standing = Standing.PAUSED
        account.save()
        sent(account, delivery=300, bounce=100)

        assert decided(account)[:2] == (Decision.HELD, 2)

    def test_the_ceiling_is_not_passed(self, account):
        account.ceiling = 400
        account.save()
        sent(account, delivery=400)

        assert decided(account) == (Decision.CEILING, 2, 400)

    def test_the_last_stage_ends_at_the_ceiling(self, account):
        account.ceiling = 600
        account.save()
        sent(account, delivery=400)

        assert decided(account) == (Decision.ADVANCED, 3, 600)

    def test_the_lowest_stage_stays(self):
        account = AccountFactory(stage=0, ceiling=2_000, allowance=150)
        sent(account, used=150, allowance=150, delivery=130, bounce=20)

        assert decided(account) == (Decision.STEPPED_BACK, 0, 150)


class TestOnce:
    def test_a_day_is_decided_when_it_is_over_and_its_last_events_are_written(self, account):
        sent(account, delivery=400)

        for now in (AFTER - timedelta(hours=1), AFTER - timedelta(minutes=4)):
            assert decided(account, now)[0] == Decision.OPEN
        assert decided(account)[0] == Decision.ADVANCED

    def test_a_second_look_changes_nothing(self, account):
        sent(account, delivery=400)
        decided(account)

        assert decided(account, AFTER + timedelta(hours=5)) == (Decision.ADVANCED, 3, 700)

    def test_days_that_nobody_decided_are_made_up_for_in_order(self, account):
        for days_ago in (3, 2, 1):
            sent(account, day=AFTER.date() - timedelta(days=days_ago), used=380, delivery=380)

        ramp_up.decide_days(AFTER)

        # Of 400, of 700, and then it was less than half of 1,000.
        decisions = VolumeDay.objects.order_by("day").values_list("decision", flat=True)
        assert list(decisions) == [Decision.ADVANCED, Decision.ADVANCED, Decision.HELD]

    def test_the_new_allowance_is_that_of_the_day_that_has_begun(self, account):
        sent(account, delivery=400)
        today = VolumeDay.objects.create(account=account, day=AFTER.date(), allowance=400, used=30)

        ramp_up.decide_days(AFTER)

        today.refresh_from_db()
        assert (today.allowance, today.used, today.decision) == (700, 30, Decision.OPEN)


class TestIdle:
    def silent(self, account, days):
        row = sent(account, day=AFTER.date() - timedelta(days=days), delivery=400)
        VolumeDay.objects.filter(pk=row.pk).update(decision=Decision.ADVANCED)

    def test_who_was_silent_for_more_than_30_days_begins_two_stages_lower_once(self, account):
        self.silent(account, 31)

        assert decided(account) == (Decision.IDLE, 0, 150)
        account.stage = 4
        account.save()
        for days in (1, 2, 40):
            assert decided(account, AFTER + timedelta(days=days))[1] == 4

    def test_30_days_are_no_more_than_30(self, account):
        self.silent(account, 30)

        assert decided(account)[1] == 2

    def test_who_sends_and_is_silent_again_is_lowered_again(self, account):
        self.silent(account, 80)
        self.silent(account, 31)
        VolumeDay.objects.create(
            account=account, day=AFTER.date() - timedelta(days=40), allowance=400,
            decision=Decision.IDLE,
        )  # fmt: skip

        assert decided(account)[1] == 0
