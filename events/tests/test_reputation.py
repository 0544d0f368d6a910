"""What bounces and complaints lead to: the rungs of the ladder, and the way down again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import ladder, notices
from accounts.ladder import Figures
from accounts.models import Account
from accounts.volume import Measure, Notice, Standing, StandingChange, VolumeDay
from events import ledger, reputation
from events.ledger import NewEvent
from events.models import Kind, Tally
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
GOOD, NOTICE, WARNING, REVIEW, PAUSED = Standing


@pytest.fixture
def account():
    return AccountFactory(name="Alice", stage=4, ceiling=2_000, allowance=1_000)


def counted(account, when=NOW - timedelta(hours=1), **counts):
    """Count recipients of an account: `counted(account, delivery=95, bounce=5)`."""
    hour = when.replace(minute=0, second=0, microsecond=0)
    for kind, count in counts.items():
        Tally.objects.create(
            account=account, hour=hour, message_class=1, tag="", kind=kind, count=count
        )


def happened(account, kind, count, ago=timedelta(0), *, is_test=False):
    """Write events, as delivery does; their tallies are those of this hour."""
    ledger.record_all(
        NewEvent(
            kind=kind, account_id=account.pk, message_id=ledger.new_id(), recipient="a@b.test",
            destination="b.test", sender_domain="alices.example",
            message_class=1, timestamp=timezone.now() - ago, message_id_header="", tags=[],
            is_test=is_test,
        )
        for _ in range(count)
    )  # fmt: skip


def standing_of(account):
    account.refresh_from_db()
    return Standing(account.standing)


def account_now(account):
    account.refresh_from_db()
    return account


class TestRungs:
    @pytest.mark.parametrize(
        ("bounced", "standing"),
        [
            (19, GOOD), (20, NOTICE), (39, NOTICE), (40, WARNING), (49, WARNING), (50, REVIEW),
            (99, REVIEW), (100, PAUSED), (1000, PAUSED),
        ],
    )  # fmt: skip
    def test_bounces_of_a_thousand(self, account, bounced, standing):
        counted(account, delivery=1000 - bounced, bounce=bounced)

        reputation.judge_all(NOW)

        assert standing_of(account) == standing

    @pytest.mark.parametrize(
        ("complained", "standing"),
        [(4, GOOD), (5, NOTICE), (10, WARNING), (29, WARNING), (30, REVIEW), (50, PAUSED)],
    )
    def test_complaints_of_ten_thousand(self, account, complained, standing):
        counted(account, delivery=10_000, complaint=complained)

        reputation.judge_all(NOW)

        assert standing_of(account) == standing

    @pytest.mark.parametrize(
        "counts", [{"delivery": 0, "bounce": 99}, {"delivery": 96, "bounce": 4}]
    )
    def test_few_recipients_or_events_say_nothing(self, account, counts):
        counted(account, **counts)

        reputation.judge_all(NOW)

        assert standing_of(account) == GOOD

    def test_a_blocked_recipient_was_not_tried(self, account):
        counted(account, delivery=900, bounce=10, blocked=500)

        assert reputation.figures(account, NOW - timedelta(days=7), NOW) == Figures(910, 10, 900, 0)

    def test_what_is_older_than_seven_days_counts_no_more(self, account):
        counted(account, NOW - timedelta(days=8), delivery=100, bounce=900)
        counted(account, delivery=995, bounce=5)

        reputation.judge_all(NOW)

        assert standing_of(account) == GOOD

    def test_another_account_is_judged_by_its_own_mail(self, account):
        other = AccountFactory()
        counted(account, delivery=100, bounce=100)
        counted(other, delivery=1000, bounce=6)

        reputation.judge_all(NOW)

        assert (standing_of(account), standing_of(other)) == (PAUSED, GOOD)


class TestBurst:
    def test_fifty_bounces_in_ten_minutes_above_a_fifth_pause_at_once(self, account):
        counted(account, timezone.now() - timedelta(days=3), delivery=100_000)
        happened(account, Kind.DELIVERY, 199)
        happened(account, Kind.BOUNCE, 50)

        reputation.judge_all()

        assert standing_of(account) == PAUSED
        assert StandingChange.objects.get().measure == Measure.BURST

    @pytest.mark.parametrize(("bounced", "delivered"), [(49, 0), (50, 200)])
    def test_fewer_or_a_smaller_part_do_not(self, account, bounced, delivered):
        counted(account, timezone.now() - timedelta(days=3), delivery=100_000)
        happened(account, Kind.DELIVERY, delivered)
        happened(account, Kind.BOUNCE, bounced)

        reputation.judge_all()

        assert standing_of(account) == GOOD

    def test_tests_are_not_counted(self, account):
        counted(account, timezone.now() - timedelta(days=3), delivery=100_000)
        happened(account, Kind.BOUNCE, 60, is_test=True)

        reputation.judge_all()

        assert standing_of(account) == GOOD


class TestEffects:
    def test_review_and_pause_step_back_one_stage_once(self, account):
        VolumeDay.objects.create(account=account, day=NOW.date(), allowance=1_000, used=1_000)
        counted(account, delivery=940, bounce=60)
        reputation.judge_all(NOW)
        account.refresh_from_db()
        assert (account.standing, account.stage, account.allowance) == (REVIEW, 3, 700)

        counted(account, NOW, bounce=60)
        reputation.judge_all(NOW + timedelta(minutes=1))

        account.refresh_from_db()
        assert (account.standing, account.stage, account.allowance) == (PAUSED, 3, 70)
        assert VolumeDay.objects.get().decision == VolumeDay.Decision.STEPPED_BACK

    def test_notice_and_warning_leave_the_stage(self, account):
        counted(account, delivery=960, bounce=40)

        reputation.judge_all(NOW)

        account.refresh_from_db()
        assert (account.standing, account.stage, account.allowance) == (WARNING, 4, 1_000)


class TestComingDown:
    @pytest.mark.parametrize(
        ("bounced", "standing"),
        [(39, WARNING), (33, WARNING), (31, NOTICE), (16, NOTICE), (15, GOOD)],
    )
    def test_a_warning_ends_well_below_its_limit(self, account, bounced, standing):
        Account.objects.update(standing=WARNING)
        counted(account, delivery=1000 - bounced, bounce=bounced)

        reputation.judge_all(NOW)

        assert standing_of(account) == standing

    def test_without_mail_a_notice_ends(self, account):
        Account.objects.update(standing=NOTICE)

        reputation.judge_all(NOW)

        assert standing_of(account) == GOOD
        assert StandingChange.objects.get().after == GOOD

    @pytest.mark.parametrize("standing", [REVIEW, PAUSED])
    def test_a_review_and_a_pause_are_ended_by_staff_alone(self, account, standing):
        Account.objects.update(standing=standing)

        reputation.judge_all(NOW)

        assert standing_of(account) == standing

    def test_after_staff_have_looked_what_was_before_counts_no_more(self, account):
        staff = UserFactory(email="sam@operator.example")
        counted(account, timezone.now() - timedelta(hours=1), delivery=100, bounce=100)
        reputation.judge_all()
        assert standing_of(account) == PAUSED

        assert ladder.move_by_staff(account.pk, GOOD, staff, "They threw the old list away")
        reputation.judge_all(timezone.now() + timedelta(hours=1))

        assert standing_of(account) == GOOD
        change = StandingChange.objects.latest("id")
        assert (change.who, change.note) == (
            "sam@operator.example", "They threw the old list away",
        )  # fmt: skip
        assert account.allowance == 700

    def test_not_even_what_was_before_in_the_same_hour(self, account):
        happened(account, Kind.DELIVERY, 140)
        happened(account, Kind.BOUNCE, 60)
        reputation.judge_all()
        assert standing_of(account) == PAUSED

        ladder.move_by_staff(account.pk, GOOD, UserFactory(), "They threw the old list away")
        happened(account, Kind.DELIVERY, 90)
        happened(account, Kind.BOUNCE, 10)
        figures = reputation.figures(account_now(account), account.judged_since, timezone.now())
        reputation.judge_all()

        assert figures == Figures(100, 10, 90, 0)
        assert standing_of(account) == PAUSED  # for what came since
        assert StandingChange.objects.latest("id").out_of == 100

    def test_an_hour_later_the_rest_of_that_hour_still_counts(self, account):
        happened(account, Kind.BOUNCE, 40)
        ladder.move_by_staff(account.pk, REVIEW, UserFactory(), "Let me see")
        happened(account, Kind.BOUNCE, 7)
        later = timezone.now() + timedelta(hours=1)
        counted(account, later, delivery=93)

        figures = reputation.figures(account_now(account), account.judged_since, later)

        assert figures == Figures(100, 7, 93, 0)

    def test_what_was_counted_before_staff_decided_moves_nobody_after_it(self, account):
        now = timezone.now()
        ladder.move_by_staff(account.pk, PAUSED, UserFactory(), "Let me see")
        ladder.move_by_staff(account.pk, GOOD, UserFactory(), "Fine")

        ladder.judge(account.pk, Figures(200, 100, 100, 0), Figures(), now, now - ladder.WINDOW)

        assert standing_of(account) == GOOD

    def test_a_second_click_of_staff_is_no_second_step(self, account):
        Account.objects.update(standing=PAUSED)
        staff = UserFactory()

        assert ladder.move_by_staff(account.pk, GOOD, staff, "Fine")
        assert not ladder.move_by_staff(account.pk, GOOD, staff, "Fine")

        assert StandingChange.objects.count() == Notice.objects.count() == 1


class TestTelling:
    def test_owners_get_number_window_limit_and_what_comes_next(self, account):
        UserFactory(email="alice@alices.example", account=account)
        counted(account, delivery=957, bounce=43)
        reputation.judge_all(NOW)

        assert notices.send_due() == 1

        (letter,) = mail.outbox
        assert letter.to == ["alice@alices.example"]
        assert letter.subject == "Your sending reputation: warning"
        assert (
            "43 bounces of 1,000 recipients tried since 18 November 2026, 14:30 UTC: 4.30 %."
            " The limit is 4 %."
        ) in letter.body
        assert "digest is stopped" in letter.body
        assert notices.send_due() == 0

    def test_two_steps_on_one_day_make_one_mail_but_a_pause_is_always_told(self, account):
        UserFactory(account=account)
        counted(account, delivery=975, bounce=25)
        for minutes, more in enumerate((0, 20, 100)):
            counted(account, NOW - timedelta(hours=2 + minutes), bounce=more)
            reputation.judge_all(NOW + timedelta(minutes=minutes))

        notices.send_due()

        assert [change.after for change in StandingChange.objects.order_by("id")] == [
            NOTICE, WARNING, PAUSED,
        ]  # fmt: skip
        assert [letter.subject for letter in mail.outbox] == [
            "Your sending reputation: notice", "Sending is paused",
        ]  # fmt: skip
        assert Notice.objects.count() == 3

    def test_a_mail_server_that_is_away_delays_it_and_loses_nothing(self, account, settings):
        UserFactory(account=account)
        notices.tell(account, Notice.Kind.STAFF, "Hello", "Text")
        backend = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

        assert notices.send_due() == 0

        settings.EMAIL_BACKEND = backend
        Notice.objects.update(due_at=timezone.now())
        assert notices.send_due() == 1
        assert len(mail.outbox) == 1

    def test_a_step_is_written_once(self, account):
        change = StandingChange.objects.create(account=account, before=0, after=1, measure="staff")
        change.note = "Another"

        with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
            change.save()


class TestUsage:
    @pytest.fixture
    def day(self, account):
        UserFactory(account=account)
        return VolumeDay.objects.create(
            account=account, day=timezone.now().date(), allowance=1_000, used=0
        )

    def use(self, day, used):
        VolumeDay.objects.filter(pk=day.pk).update(used=used)
        notices.tell_of_usage()

    def test_it_is_told_at_80_percent_and_when_all_is_used_once_each(self, day):
        for used in (799, 800, 850, 900, 1_000):
            self.use(day, used)
        notices.send_due()

        assert [letter.subject for letter in mail.outbox] == [
            "80 % of today's volume is used", "Today's volume is used up",
        ]  # fmt: skip
        assert "800 of 1,000 recipients are used" in mail.outbox[0].body

    def test_who_uses_all_at_once_is_told_that_alone(self, day):
        self.use(day, 1_000)
        notices.send_due()

        assert [letter.subject for letter in mail.outbox] == ["Today's volume is used up"]
