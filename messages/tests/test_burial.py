from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from accounts.models import Account
from domains.models import Domain
from events.models import Suppression, Tally, Webhook
from messages import audit, burial
from messages.models import IncomingReport, Message, Recipient, Refusal, State
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
    UserFactory,
)


def furnished(name):
    """An account with something of everything."""
    account = AccountFactory(name=name)
    UserFactory(account=account)
    account.credentials.create(name="Shop")
    Domain.objects.create(account=account, name=f"{name}.example")
    message = MessageFactory(account=account, content=b"Hello")
    recipient = RecipientFactory(message=message, state=State.DELIVERED)
    AttemptFactory(recipient=recipient)
    IncomingReport.objects.create(
        recipient=recipient, reverse_path="", size=9, content=b"x", digest=name.encode()
    )
    EventFactory(message=message, recipient=recipient.address)
    for kind in (Tally.ACCEPTED, "delivery"):
        Tally.objects.create(
            account=account, hour=message.accepted_at, message_class=message.message_class,
            tag="", kind=kind, count=1,
        )  # fmt: skip
    Refusal.objects.create(account=account, door="smtp", reverse_path="", reply="550")
    Suppression.objects.create(account=account, address="carol@example.net")
    Webhook.objects.create(account=account, url="https://x.example/", encrypted_secret=b"x")
    return account


def rows():
    """How many rows each of our tables has."""
    ours = ("accounts", "domains", "events", "mail")
    return {
        model.__name__: model._base_manager.count()
        for model in apps.get_models()
        if model._meta.app_label in ours and model.__name__ != "User"
    }


def close(account, ago=timedelta(minutes=2)):
    Account.objects.filter(pk=account.pk).update(closed_at=timezone.now() - ago)


@pytest.mark.django_db
class TestBurial:
    def test_nothing_of_it_is_left_and_all_of_others(self):
        furnished("alices")
        before = rows()
        close(furnished("bobs"))

        assert burial.bury_all() == 1
        assert rows() == before

    def test_an_account_that_is_open_stays(self):
        furnished("alices")
        before = rows()

        assert burial.bury_all() == 0
        assert rows() == before

    def test_doors_are_given_a_minute_to_forget_it(self):
        close(furnished("alices"), ago=timedelta(seconds=30))

        assert burial.bury_all() == 0

    def test_it_waits_for_what_a_worker_has_in_hand(self):
        account = furnished("alices")
        leased = RecipientFactory(message__account=account, state=State.LEASED)
        close(account)
        assert burial.bury_all() == 0
        assert Message.objects.filter(account=account).count() == 2

        Recipient.objects.filter(pk=leased.pk).update(
            state=State.DEFERRED, lease=None, due_at=timezone.now()
        )
        assert burial.bury_all() == 1

    @pytest.mark.django_db(transaction=True)
    def test_the_books_add_up_before_and_after(self):
        furnished("alices")
        account = furnished("bobs")
        assert audit.take().faults == []
        close(account)

        burial.bury_all()

        assert audit.take().faults == []
