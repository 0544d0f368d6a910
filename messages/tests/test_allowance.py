"""What claims take out of the allowance, what they hold, and what is let go."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import allowance
from accounts.message_class import MessageClass
from accounts.volume import Standing, VolumeDay
from domains.models import Domain
from domains.signing import Keyring
from events.models import Suppression
from messages import claiming, holding, outcomes, queue
from messages.models import Door, Recipient, State
from messages.smtp.replies import Reply
from messages.tests.factories import AccountFactory, MessageFactory, RecipientFactory
from messages.tests.test_queue import finished

pytestmark = pytest.mark.django_db

PRIORITY, STANDARD, DIGEST = MessageClass


@pytest.fixture
def account():
    return AccountFactory(name="Alice", ceiling=100, allowance=100)


def due(account, count, message_class=STANDARD, **fields):
    """Make recipients that are due since a minute, the first one longest."""
    message = MessageFactory(
        account=account, message_class=message_class, is_test=fields.pop("is_test", False)
    )
    past = timezone.now() - timedelta(minutes=1)
    return [
        RecipientFactory(
            message=message,
            **{"due_at": past + timedelta(milliseconds=n), "accepted_at": past} | fields,
        )
        for n in range(count)
    ]


def day_of(account):
    return VolumeDay.objects.get(account=account, day=allowance.today())


def used(account, number, day_allowance=100):
    VolumeDay.objects.create(
        account=account, day=allowance.today(), allowance=day_allowance, used=number
    )


def next_day():
    return datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)


class TestShares:
    @pytest.mark.parametrize(
        ("message_class", "share"), [(PRIORITY, 100), (STANDARD, 90), (DIGEST, 70)]
    )
    def test_each_class_stops_where_the_rest_is_kept_for_more_urgent_mail(
        self, account, message_class, share
    ):
        due(account, 120, message_class)

        claimed = queue.claim(message_class, 200)

        assert len(claimed) == share
        assert day_of(account).used == share
        assert Recipient.objects.filter(state=State.HELD).count() == 120 - share

    def test_priority_goes_when_standard_has_used_its_share(self, account):
        used(account, 90)
        due(account, 1, STANDARD)
        due(account, 1, PRIORITY)

        assert queue.claim(STANDARD, 10) == []
        assert len(queue.claim(PRIORITY, 10)) == 1

    def test_the_first_ones_go_first(self, account):
        used(account, 88)
        recipients = due(account, 4)

        claimed = queue.claim(STANDARD, 10)

        assert {one.id for one in claimed} == {one.id for one in recipients[:2]}

    def test_a_day_that_ended_counts_no_more(self, account):
        yesterday = allowance.today() - timedelta(days=1)
        VolumeDay.objects.create(account=account, day=yesterday, allowance=100, used=100)
        due(account, 3)

        assert len(queue.claim(STANDARD, 10)) == 3
        assert day_of(account).used == 3


class TestCountedOnce:
    def test_a_later_attempt_costs_nothing(self, account):
        used(account, 100)
        due(account, 1, state=State.DEFERRED, attempt_count=1, allowed_at=timezone.now())

        assert len(queue.claim(STANDARD, 10)) == 1
        assert day_of(account).used == 100

    def test_who_was_given_back_by_a_worker_that_stopped_costs_nothing_again(self, account):
        due(account, 1)
        (claimed,) = queue.claim(STANDARD, 10)
        outcomes.write([outcomes.given_back(claimed)])
        past = timezone.now() - timedelta(minutes=1)
        Recipient.objects.update(due_at=past)

        assert len(queue.claim(STANDARD, 10)) == 1
        assert day_of(account).used == 1

    def test_a_test_message_costs_nothing_and_is_never_held(self, account):
        used(account, 100)
        due(account, 3, is_test=True)

        assert len(queue.claim(STANDARD, 10)) == 3
        assert day_of(account).used == 100

    def test_mail_of_the_product_costs_nothing_and_nothing_stops_it(self, account):
        used(account, 100)
        account.suspended_for = "Unpaid"
        account.save()
        message = MessageFactory(account=account, message_class=PRIORITY, door=Door.OWN)
        RecipientFactory(message=message, due_at=timezone.now() - timedelta(minutes=1))

        assert len(queue.claim(PRIORITY, 10)) == 1
        assert day_of(account).used == 100

    def test_a_suppressed_recipient_costs_nothing(self, account):
        now = timezone.now()
        Domain.objects.create(account=account, name="alices.example", verified_at=now)
        Suppression.objects.create(account=account, address="carol@example.net")
        due(account, 1, address="carol@example.net")
        due(account, 1)

        batch = claiming.take(STANDARD, 10, Keyring())

        assert len(batch.claimed) == 2
        assert day_of(account).used == 1


class TestHeld:
    def test_it_is_held_until_the_next_day_and_says_so(self, account):
        used(account, 100)
        due(account, 1)

        queue.claim(STANDARD, 10)

        held = Recipient.objects.get()
        assert (held.state, held.lease, held.attempt_count) == (State.HELD, None, 0)
        assert next_day() <= held.due_at < next_day() + timedelta(minutes=2)
        assert held.reply == (
            "Of the daily volume of 100 recipients, the last 10 % are kept for more urgent mail; "
            "goes out after 00:00 UTC"
        )

    def test_it_leaves_in_the_order_in_which_it_came(self, account):
        used(account, 100)
        now = timezone.now()
        late = due(account, 1, accepted_at=now - timedelta(seconds=1))
        early = due(account, 1, accepted_at=now - timedelta(hours=3))
        queue.claim(STANDARD, 10)

        assert list(Recipient.objects.order_by("due_at")) == [*early, *late]

    def test_one_claim_holds_the_whole_backlog_of_an_account(self, account):
        used(account, 100)
        due(account, 50)

        queue.claim(STANDARD, 10)

        assert Recipient.objects.filter(state=State.HELD).count() == 50

    def test_the_share_of_who_is_held_goes_to_the_others(self, account):
        used(account, 100)
        due(account, 20)
        other = AccountFactory()
        due(other, 20)

        claimed = queue.claim(STANDARD, 10)

        assert [one.account_id for one in claimed] == [other.pk] * 10

    def test_later_attempts_and_tests_pass_a_backlog_that_is_held(self, account):
        used(account, 100)
        due(account, 5)
        due(account, 1, state=State.DEFERRED, attempt_count=1)
        due(account, 1, is_test=True)

        claimed = queue.claim(STANDARD, 3) + queue.claim(STANDARD, 3)

        assert len(claimed) == 2
        assert Recipient.objects.filter(state=State.HELD).count() == 5

    def test_its_time_to_be_tried_begins_when_it_may_go(self, account):
        due(account, 1, accepted_at=timezone.now() - timedelta(hours=60))
        (claimed,) = queue.claim(STANDARD, 1)

        outcomes.write([outcomes.of_attempt(claimed, finished(claimed, Reply(451, "", "Later")))])

        assert Recipient.objects.get().state == State.DEFERRED


class TestStanding:
    @pytest.mark.parametrize(
        ("standing", "stopped"),
        [
            (Standing.NOTICE, []),
            (Standing.WARNING, [DIGEST]),
            (Standing.REVIEW, [DIGEST]),
            (Standing.PAUSED, [STANDARD, DIGEST]),
        ],
    )
    def test_it_stops_classes(self, standing, stopped):
        account = AccountFactory(standing=standing)
        for message_class in MessageClass:
            due(account, 1, message_class)
            due(account, 1, message_class, state=State.DEFERRED, attempt_count=1)

        counts = {one: len(queue.claim(one, 10)) for one in MessageClass}

        assert counts == {one: 0 if one in stopped else 2 for one in MessageClass}
        held = Recipient.objects.filter(state=State.HELD)
        assert held.count() == held.filter(reply__contains="is stopped").count() == 2 * len(stopped)

    def test_a_suspended_account_sends_nothing_and_loses_nothing(self):
        account = AccountFactory(suspended_for="Unpaid")
        due(account, 1, PRIORITY)

        assert queue.claim(PRIORITY, 10) == []
        assert Recipient.objects.get().state == State.HELD


class TestLettingGo:
    def hold(self, account, count=3, **fields):
        used(account, 100)
        due(account, count, **fields)
        queue.claim(STANDARD, 10)

    def is_due(self):
        return Recipient.objects.filter(due_at__lte=timezone.now()).count()

    def test_what_has_no_volume_stays(self, account):
        self.hold(account)

        holding.look_after_held()

        assert self.is_due() == 0
        account.refresh_from_db()
        assert account.held == 3

    def test_as_many_go_as_there_is_room_for_the_oldest_first(self, account):
        self.hold(account)
        oldest = due(account, 1, accepted_at=timezone.now() - timedelta(hours=5))
        queue.claim(STANDARD, 10)
        VolumeDay.objects.update(allowance=113)  # 101 for standard

        holding.look_after_held()

        assert list(Recipient.objects.filter(due_at__lte=timezone.now())) == oldest
        assert [one.id for one in queue.claim(STANDARD, 10)] == [oldest[0].pk]

    def test_a_raise_by_staff_takes_effect_on_this_day(self, account):
        self.hold(account)
        account.ceiling, account.stage = 200, 1

        allowance.reckon(account)
        holding.look_after_held()

        assert len(queue.claim(STANDARD, 10)) == 3
        holding.look_after_held()
        account.refresh_from_db()
        assert account.held == 0

    def test_what_is_stopped_does_not_keep_priority_out(self):
        account = AccountFactory(standing=Standing.PAUSED, allowance=1)
        due(account, 10)
        queue.claim(STANDARD, 10)

        holding.look_after_held()

        account.refresh_from_db()
        assert account.held == 0

    def test_what_is_held_for_another_reason_stays_and_is_not_counted(self, account):
        due(account, 1)
        (claimed,) = queue.claim(STANDARD, 1)
        outcomes.write([outcomes.held(claimed, "No key")])

        holding.look_after_held()

        account.refresh_from_db()
        assert (self.is_due(), account.held) == (0, 0)

    def test_what_was_stopped_goes_when_the_account_stands_well_again(self):
        account = AccountFactory(standing=Standing.PAUSED)
        due(account, 1, state=State.DEFERRED, attempt_count=1, allowed_at=timezone.now())
        queue.claim(STANDARD, 10)
        holding.look_after_held()
        assert self.is_due() == 0
        account.standing = Standing.GOOD
        allowance.reckon(account)

        holding.look_after_held()

        assert len(queue.claim(STANDARD, 10)) == 1


class TestReckoning:
    def test_the_allowance_is_that_of_the_stage_up_to_the_ceiling(self, account):
        account.stage, account.ceiling = 2, 10_000
        allowance.reckon(account)
        assert account.allowance == 400

        account.ceiling = 300
        allowance.reckon(account)
        assert account.allowance == 300

    def test_who_is_paused_gets_a_tenth_beside_what_was_used_today(self, account):
        used(account, 90)
        account.ceiling, account.standing = 1000, Standing.PAUSED

        allowance.reckon(account)

        assert (account.allowance, day_of(account).allowance) == (15, 105)
        due(account, 20, PRIORITY)
        assert len(queue.claim(PRIORITY, 100)) == 15


@pytest.mark.django_db(transaction=True)
def test_two_hundred_claims_at_once_take_the_allowance_and_not_one_more():
    account, other = AccountFactory(ceiling=700, allowance=700), AccountFactory(name="Bob")
    for owner in (account, other):
        message = MessageFactory(account=owner)
        RecipientFactory.create_batch(1000, message=message)

    def work(_):
        try:
            return [one for _ in range(8) for one in queue.claim(STANDARD, 20)]
        finally:
            connection.close()

    with ThreadPoolExecutor(25) as workers:
        claimed = [one for share in workers.map(work, range(25)) for one in share]

    ids = [one.id for one in claimed]
    assert len(ids) == len(set(ids))
    mine = sum(one.account_id == account.pk for one in claimed)
    assert mine == day_of(account).used == 630  # 90 % of 700
    assert day_of(other).used == len(claimed) - mine
