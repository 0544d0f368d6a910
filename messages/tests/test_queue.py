"""Claims and settlements, against the real database."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.message_class import MessageClass
from events.models import Event, Kind, Tally
from messages import outcomes, queue
from messages.jobs import Job, PutOff
from messages.models import Attempt, Recipient, State
from messages.smtp.client import Letter, Transaction
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    MessageFactory,
    RecipientFactory,
)
from messages.transfer import Contact

pytestmark = pytest.mark.django_db


def past():
    # The tests run in a transaction, for which now() stands still.
    return timezone.now() - timedelta(minutes=1)


def waiting(count=1, account=None, message_class=MessageClass.STANDARD, **fields):
    """Make due recipients of one message, due since a minute unless said otherwise."""
    if fields.get("state") is not State.DELIVERED:
        fields.setdefault("due_at", past())
    message = MessageFactory(account=account or AccountFactory(), message_class=message_class)
    return RecipientFactory.create_batch(count, message=message, **fields)


def finished(claimed, reply, *, phase=Phase.RCPT, in_doubt=False):
    """A job that an exchanger has answered with a reply; phase None: on connecting."""
    transaction = Transaction("bounces@x.test", claimed.address, Letter.of(b"a: b\r\n\r\n"))
    transaction.decide(reply, phase)
    now = timezone.now()
    job = Job(transaction, claimed.message_class, lambda job: None, now, now)
    job.contact, job.is_in_doubt = Contact("mx1.x.test", "192.0.2.1"), in_doubt
    return job


class TestClaim:
    def test_it_takes_what_is_due_and_nothing_else(self):
        (due,) = waiting()
        waiting(due_at=timezone.now() + timedelta(minutes=1))
        waiting(state=State.DELIVERED)

        assert [one.id for one in queue.claim(MessageClass.STANDARD, 10)] == [due.id]

    def test_it_writes_lease_number_and_the_next_time_before_anything_is_sent(self):
        (due,) = waiting()

        (claimed,) = queue.claim(MessageClass.STANDARD, 10)

        due.refresh_from_db()
        assert (due.state, due.lease, due.attempt_count) == (State.LEASED, claimed.lease, 1)
        distance = (due.due_at - timezone.now()).total_seconds()
        assert 50 < distance < 67  # a minute, give or take a tenth

    def test_later_attempts_are_further_apart(self):
        waiting(state=State.DEFERRED, attempt_count=3)

        (claimed,) = queue.claim(MessageClass.STANDARD, 10)

        assert 1600 < (claimed.retry_at - timezone.now()).total_seconds() < 2000

    def test_a_claimed_one_is_not_claimed_again(self):
        waiting()
        queue.claim(MessageClass.STANDARD, 10)

        assert queue.claim(MessageClass.STANDARD, 10) == []

    def test_a_lease_that_ran_out_is_taken_over(self):
        waiting()
        (first,) = queue.claim(MessageClass.STANDARD, 10)
        Recipient.objects.update(due_at=past())

        (second,) = queue.claim(MessageClass.STANDARD, 10)

        assert (second.id, second.attempt_number) == (first.id, 2)
        assert second.lease != first.lease

    def test_it_takes_one_class(self):
        waiting(message_class=MessageClass.DIGEST)
        waiting(message_class=MessageClass.PRIORITY)

        (claimed,) = queue.claim(MessageClass.PRIORITY, 10)

        assert claimed.message_class is MessageClass.PRIORITY
        assert queue.claim(MessageClass.STANDARD, 10) == []

    def test_a_backlog_of_one_account_does_not_delay_another(self):
        crowd, few = AccountFactory(), AccountFactory()
        waiting(100, account=crowd, due_at=timezone.now() - timedelta(hours=1))
        waiting(3, account=few)

        claimed = queue.claim(MessageClass.STANDARD, 10)

        assert Counter(one.account_id for one in claimed) == {crowd.pk: 5, few.pk: 3}
        assert queue.may_have_left_some(claimed, 10)

    def test_where_accounts_are_more_than_places_each_has_its_chance(self):
        for account in AccountFactory.create_batch(3):
            waiting(30, account=account)

        served = {queue.claim(MessageClass.STANDARD, 1)[0].account_id for _ in range(60)}

        # That lots pass one of them by 60 times happens once in 10,000,000,000 runs.
        assert len(served) == 3

    def test_who_holds_too_much_already_gets_nothing(self):
        crowd, few = AccountFactory(), AccountFactory()
        waiting(100, account=crowd)
        waiting(3, account=few)

        claimed = queue.claim(MessageClass.STANDARD, 10, crowding=[crowd.pk])

        assert [one.account_id for one in claimed] == [few.pk] * 3

    def test_an_account_with_nothing_due_takes_no_share(self):
        later = AccountFactory()
        waiting(1, account=later, due_at=timezone.now() + timedelta(hours=1))
        waiting(20)

        assert len(queue.claim(MessageClass.STANDARD, 10)) == 10

    def test_the_longest_due_goes_first(self):
        account = AccountFactory()
        (young,) = waiting(account=account)
        (old,) = waiting(account=account, due_at=timezone.now() - timedelta(minutes=2))

        (claimed,) = queue.claim(MessageClass.STANDARD, 1)

        assert claimed.id == old.id != young.id

    def test_it_is_answered_by_one_index(self):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN " + queue.CLAIM, PARAMETERS)
            plan = "\n".join(row[0] for row in cursor.fetchall())

        assert "recipient_due" in plan
        assert "Seq Scan on mail_" not in plan


PARAMETERS = {
    "class": 1, "limit": 100, "lease": 1, "lease_seconds": 20, "retry_after": [60], "steps": 1,
    "share": 90, "stopped_from": 4, "crowding": [],
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_many_workers_never_take_the_same():
    waiting(300)

    def work(_):
        try:
            taken = []
            while claimed := queue.claim(MessageClass.STANDARD, 20):
                taken += [one.id for one in claimed]
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        taken = [one for share in workers.map(work, range(4)) for one in share]

    assert len(taken) == len(set(taken)) == 300


class TestProlong:
    def test_it_keeps_a_claim_that_would_run_out(self):
        waiting()
        claimed = queue.claim(MessageClass.STANDARD, 1)
        Recipient.objects.update(due_at=timezone.now() + timedelta(seconds=1))

        queue.prolong(claimed)

        assert Recipient.objects.get().due_at > timezone.now() + timedelta(seconds=10)

    def test_it_does_not_bring_a_claim_back_that_somebody_else_has(self):
        waiting()
        claimed = queue.claim(MessageClass.STANDARD, 1)
        due_at = timezone.now()
        Recipient.objects.update(due_at=due_at, lease=1)

        queue.prolong(claimed)

        assert Recipient.objects.get().due_at == due_at


class TestSettle:
    def settle(self, reply, **fields):
        (recipient,) = waiting(**fields)
        (claimed,) = queue.claim(MessageClass(recipient.message_class), 1)
        outcomes.write([outcomes.of_attempt(claimed, finished(claimed, reply))])
        return Recipient.objects.get()

    def test_a_positive_reply_delivers(self):
        recipient = self.settle(Reply(250, "2.0.0", "Ok"))

        assert (recipient.state, recipient.due_at) == (State.DELIVERED, None)
        assert Event.objects.get().kind == Kind.DELIVERY
        assert Attempt.objects.get().reply == "250 2.0.0 Ok"
        assert Tally.objects.get(kind="delivery").count == 1

    def test_a_transient_reply_defers_until_the_next_attempt(self):
        recipient = self.settle(Reply(450, "4.2.1", "Later"))

        assert (recipient.state, recipient.reply) == (State.DEFERRED, "450 4.2.1 Later")
        event = Event.objects.get()
        assert event.kind == Kind.SOFT_BOUNCE
        assert event.details["next_attempt_at"] == recipient.due_at.isoformat()

    def test_a_permanent_reply_bounces(self):
        recipient = self.settle(Reply(550, "5.1.1", "No such user"))

        assert (recipient.state, recipient.due_at) == (State.BOUNCED, None)
        assert Event.objects.get().details["smtp_code"] == 550

    @pytest.mark.parametrize(
        ("message_class", "age", "state"),
        [
            (MessageClass.STANDARD, timedelta(hours=47), State.DEFERRED),
            (MessageClass.STANDARD, timedelta(hours=48), State.BOUNCED),
            (MessageClass.PRIORITY, timedelta(hours=11), State.DEFERRED),
            (MessageClass.PRIORITY, timedelta(hours=12), State.BOUNCED),
        ],
    )
    def test_it_gives_up_at_the_end_of_its_class_with_the_last_reply(
        self, message_class, age, state
    ):
        recipient = self.settle(
            Reply(451, "4.7.1", "Greylisted"),
            message_class=message_class,
            state=State.DEFERRED,
            attempt_count=1,
            accepted_at=timezone.now() - timedelta(days=3),  # it was held for volume that long
            allowed_at=timezone.now() - age,
        )

        assert (recipient.state, recipient.reply) == (state, "451 4.7.1 Greylisted")
        final = state is State.BOUNCED
        assert Event.objects.get().kind == (Kind.BOUNCE if final else Kind.SOFT_BOUNCE)

    @pytest.mark.parametrize("dialogue", ["C: RCPT\nS: 450 4.7.1 Greylisted", "C: RCPT"])
    def test_who_expires_in_silence_ends_with_what_a_server_said_last(self, dialogue):
        (recipient,) = waiting(
            state=State.DEFERRED, attempt_count=1, accepted_at=timezone.now() - timedelta(days=2)
        )
        AttemptFactory(recipient=recipient, reply="450 4.7.1 Greylisted", dialogue=dialogue)
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)

        silence = Reply(451, "4.4.1", "No connection")
        outcomes.write([outcomes.of_attempt(claimed, finished(claimed, silence))])

        recipient.refresh_from_db()
        last = "450 4.7.1 Greylisted" if "S:" in dialogue else "451 4.4.1 No connection"
        assert (recipient.state, recipient.reply) == (State.BOUNCED, last)
        assert Event.objects.get().details["smtp_code"] == int(last[:3])

    def test_who_is_put_off_is_charged_with_nothing_until_it_expires(self):
        waiting()
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)
        later, why = timezone.now() + timedelta(minutes=15), "mx1 is down since 10:00 UTC: 421 Busy"

        outcomes.write([outcomes.put_off(claimed, PutOff(later, why, Reply(421, "", "Busy")))])

        recipient = Recipient.objects.get()
        assert (recipient.state, recipient.attempt_count) == (State.DEFERRED, 0)
        assert (recipient.due_at, recipient.reply) == (later, why)
        assert not Event.objects.exists() and not Attempt.objects.exists()

        Recipient.objects.update(due_at=past())
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)
        too_late = claimed.expires_at + timedelta(seconds=1)
        outcomes.write([outcomes.put_off(claimed, PutOff(too_late, why, Reply(421, "", "Busy")))])

        recipient.refresh_from_db()
        assert (recipient.state, recipient.reply) == (State.BOUNCED, "421 Busy")
        assert Event.objects.get().details["reason"] == "expired"

    def test_who_lost_the_lease_writes_nothing(self):
        waiting()
        (late,) = queue.claim(MessageClass.STANDARD, 1)
        Recipient.objects.update(due_at=past())
        queue.claim(MessageClass.STANDARD, 1)

        too_late = outcomes.write([outcomes.of_attempt(late, finished(late, Reply(250, "", "")))])

        assert too_late == 1
        assert Recipient.objects.get().state == State.LEASED
        assert not Event.objects.exists()
        assert not Attempt.objects.exists()

    def test_the_same_outcome_twice_counts_once(self):
        waiting()
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)
        result = outcomes.of_attempt(claimed, finished(claimed, Reply(250, "", "Ok")))

        outcomes.write([result])
        outcomes.write([result])

        assert Event.objects.count() == Tally.objects.get().count == 1

    def test_doubt_waits_a_quarter_of_an_hour(self):
        waiting()
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)
        job = finished(claimed, Reply(451, "4.4.2", "Lost"), in_doubt=True)

        outcomes.write([outcomes.of_attempt(claimed, job)])

        recipient = Recipient.objects.get()
        assert recipient.due_at >= timezone.now() + timedelta(minutes=14)
        assert Event.objects.get().details["may_have_arrived"] is True

    def test_who_is_held_or_given_back_has_used_no_attempt(self):
        waiting(2)
        first, second = queue.claim(MessageClass.STANDARD, 2)

        outcomes.write([outcomes.held(first, "No key"), outcomes.given_back(second)])

        held, given_back = Recipient.objects.get(id=first.id), Recipient.objects.get(id=second.id)
        assert (held.state, held.attempt_count, held.reply) == (State.HELD, 0, "No key")
        assert (given_back.state, given_back.attempt_count) == (State.QUEUED, 0)
        assert not Event.objects.exists()

    def test_a_reply_with_nul_and_without_end_can_be_stored(self):
        recipient = self.settle(Reply(550, "5.0.0", "a\x00b" + "c" * 5000))

        assert recipient.reply.startswith("550 5.0.0 abc")
        assert len(recipient.reply) == 1000

    def test_tags_are_counted_each(self):
        message = MessageFactory(tags=["welcome", "first"])
        RecipientFactory(message=message, due_at=past())
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)

        outcomes.write([outcomes.of_attempt(claimed, finished(claimed, Reply(250, "", "Ok")))])

        assert dict(Tally.objects.values_list("tag", "count")) == {"": 1, "welcome": 1, "first": 1}
