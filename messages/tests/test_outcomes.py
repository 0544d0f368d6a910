"""What a refusal comes to: the recipient's fate, the reason in the event, the suppression list."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.message_class import MessageClass
from events.models import Event, Kind, Suppression
from messages import audit, claiming, outcomes, queue
from messages.exchangers import Unreachable
from messages.models import Recipient
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply
from messages.tests.factories import AccountFactory, MessageFactory, RecipientFactory
from messages.tests.test_queue import finished, past, waiting

pytestmark = pytest.mark.django_db

NO_SUCH_USER = Reply(550, "5.1.1", "User unknown")


def attempt(reply, phase=Phase.RCPT, *, address="carol@example.net", **message):
    """Send to one address and get a reply; return the recipient's state and the event."""
    message = MessageFactory(**message)
    recipient = RecipientFactory(message=message, address=address, due_at=past())
    claimed = next(one for one in queue.claim(MessageClass.STANDARD, 100) if one.id == recipient.id)
    outcomes.write([outcomes.of_attempt(claimed, finished(claimed, reply, phase=phase))])
    recipient.refresh_from_db()
    return recipient.state, Event.objects.get(message_id=message.id)


def listed():
    return list(Suppression.objects.values_list("address", "reason"))


class TestFate:
    @pytest.mark.parametrize(
        ("reply", "phase", "state", "kind", "reason"),
        [
            (NO_SUCH_USER, Phase.RCPT, "bounced", "bounce", "invalid_address"),
            (Reply(550, "", "Rejected"), Phase.RCPT, "blocked", "blocked", "policy"),
            (Reply(552, "5.2.2", "Mailbox full"), Phase.RCPT, "bounced", "bounce", "mailbox_full"),
            (Reply(554, "5.7.1", "Spam"), Phase.DOT, "blocked", "blocked", "spam_content"),
            (Reply(554, "", "Go away"), None, "blocked", "blocked", "reputation"),
            (Reply(550, "5.7.26", "DMARC"), Phase.DOT, "blocked", "blocked", "authentication"),
            (Reply(451, "", "Greylisted"), Phase.RCPT, "deferred", "soft_bounce", "greylisted"),
            (Reply(450, "4.1.1", ""), Phase.RCPT, "deferred", "soft_bounce", "invalid_address"),
        ],
    )  # fmt: skip
    def test_it_follows_from_what_the_server_means(self, reply, phase, state, kind, reason):
        reached, event = attempt(reply, phase)

        assert (reached, event.kind, event.details["reason"]) == (state, kind, reason)

    def test_a_domain_that_is_missing_is_looked_for_once_more(self):
        missing = Unreachable(Reply(550, "5.1.2", "No such domain"), is_missing=True)
        [recipient], states = waiting(), []
        for _ in range(2):
            Recipient.objects.update(due_at=past())
            (claimed,) = queue.claim(MessageClass.STANDARD, 1)
            outcomes.write([outcomes.unreachable(claimed, missing)])
            recipient.refresh_from_db()
            states.append((recipient.state, recipient.reply))
            if recipient.due_at:
                assert timedelta(minutes=14) < recipient.due_at - timezone.now()

        assert states == [
            ("deferred", "450 4.1.2 No such domain"),
            ("bounced", "550 5.1.2 No such domain"),
        ]
        assert not listed()

    def test_the_end_of_our_patience_has_a_reason_of_its_own(self):
        waiting(allowed_at=timezone.now() - timedelta(days=3), attempt_count=9)
        (claimed,) = queue.claim(MessageClass.STANDARD, 1)
        job = finished(claimed, Reply(450, "4.1.1", "User unknown"))

        outcomes.write([outcomes.of_attempt(claimed, job)])

        event = Event.objects.get()
        assert (event.kind, event.details["reason"]) == ("bounce", "expired")
        assert listed() == []

    def test_a_delivery_has_no_reason(self):
        _, event = attempt(Reply(250, "2.0.0", "Ok"), Phase.DOT)

        assert "reason" not in event.details

    @pytest.mark.django_db(transaction=True)
    def test_the_books_add_up_over_all_fates(self):
        for reply in (NO_SUCH_USER, Reply(554, "5.7.1", "Spam"), Reply(451, "", "Later")):
            attempt(reply, content=b"Subject: Hello\r\n\r\n")

        faults = [fault for fault in audit.take().faults if "accepted" not in fault]

        assert faults == []


class TestSuppression:
    def test_a_recipient_of_no_more_use_is_put_on_the_accounts_list(self):
        account = AccountFactory()

        _, event = attempt(NO_SUCH_USER, address="Carol@example.net", account=account)

        (entry,) = Suppression.objects.all()
        assert (entry.account, entry.address) == (account, "carol@example.net")
        assert (entry.reason, entry.message_id) == ("bounce", event.message_id)
        assert entry.note == "550 5.1.1 User unknown"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(550, "5.7.1", "Rejected by policy"),
            Reply(554, "5.7.1", "Blocked using zen.spamhaus.example"),
            Reply(550, "5.7.26", "DMARC"),
            Reply(554, "5.6.0", "Virus found"),
            Reply(552, "5.2.2", "Over quota"),
            Reply(552, "5.3.4", "Message too large"),
            Reply(550, "5.1.2", "Domain does not exist"),
            Reply(550, "5.7.1", "Relaying denied"),
            Reply(550, "", "No"),
            Reply(450, "4.1.1", "User unknown"),
        ],
        ids=str,
    )
    def test_nothing_else_puts_an_address_on_it(self, reply):
        attempt(reply)

        assert listed() == []

    def test_a_test_suppresses_nobody(self):
        attempt(NO_SUCH_USER, is_test=True)

        assert listed() == []

    def test_the_next_message_is_blocked_and_told_why(self):
        account = AccountFactory()
        attempt(NO_SUCH_USER, account=account)
        waiting(account=account, address="carol@example.net")

        batch = claiming.take(MessageClass.STANDARD, 10, keyring=None)
        outcomes.write(batch.results)

        event = Event.objects.get(kind="blocked")
        assert event.details["reason"] == "previous_bounce"

    def test_the_list_is_the_accounts_own(self):
        attempt(NO_SUCH_USER)
        waiting(address="carol@example.net")

        (claimed,) = queue.claim(MessageClass.STANDARD, 10)

        assert claimed.account_id != Suppression.objects.get().account_id
        assert Recipient.objects.get(id=claimed.id).state == "leased"

    @pytest.mark.parametrize("reason", [one for one in Suppression.Reason if one != "unsubscribe"])
    def test_what_is_on_it_stays(self, reason):
        account = AccountFactory()
        Suppression.objects.create(account=account, address="carol@example.net", reason=reason)

        outcomes.write([outcome_of(account, "carol@example.net")])

        assert listed() == [("carol@example.net", reason)]
        assert Suppression.objects.get().message_id is None

    def test_what_has_run_out_is_renewed_for_ever(self):
        account = AccountFactory()
        Suppression.objects.create(
            account=account,
            address="carol@example.net",
            reason="complaint",
            expires_at=timezone.now() - timedelta(days=1),
        )

        outcomes.write([outcome_of(account, "carol@example.net")])

        assert listed() == [("carol@example.net", "bounce")]
        assert Suppression.objects.get().expires_at is None

    def test_many_at_once_are_one_statement(self, django_assert_max_num_queries):
        account = AccountFactory()
        waiting(count=20, account=account, address="carol@example.net")
        results = [
            outcomes.of_attempt(one, finished(one, NO_SUCH_USER))
            for one in queue.claim(MessageClass.STANDARD, 100)
        ]

        with django_assert_max_num_queries(12):
            outcomes.write(results)

        assert listed() == [("carol@example.net", "bounce")]

    def test_who_lost_the_lease_suppresses_nobody(self):
        waiting()
        (late,) = queue.claim(MessageClass.STANDARD, 1)
        Recipient.objects.update(due_at=past())
        queue.claim(MessageClass.STANDARD, 1)

        outcomes.write([outcomes.of_attempt(late, finished(late, NO_SUCH_USER))])

        assert listed() == []

    def test_of_two_claims_that_end_together_only_the_living_one_is_written(self):
        # As after an outage of PostgreSQL, when what it did not take is written with the rest.
        (recipient,) = waiting()
        (late,) = queue.claim(MessageClass.STANDARD, 1)
        Recipient.objects.update(due_at=past())
        (living,) = queue.claim(MessageClass.STANDARD, 1)

        both = [outcomes.of_attempt(one, finished(one, NO_SUCH_USER)) for one in (late, living)]
        assert outcomes.write(both) == 1

        assert [one.number for one in recipient.attempts.all()] == [2]
        assert Event.objects.filter(kind=Kind.BOUNCE).count() == 1


def outcome_of(account, address):
    waiting(account=account, address=address)
    (claimed,) = queue.claim(MessageClass.STANDARD, 10)
    return outcomes.of_attempt(claimed, finished(claimed, NO_SUCH_USER))
