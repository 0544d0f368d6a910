"""What is claimed and cannot be sent: held while that can be mended, then blocked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import vault
from accounts.allowance import today
from accounts.message_class import MessageClass
from accounts.volume import VolumeDay
from domains import keys
from domains.models import Domain, SigningKey
from domains.signing import Keyring
from events.models import Event, Suppression
from messages import claiming, outcomes
from messages.models import Attempt, Content, Door, Recipient
from messages.tests.factories import MessageFactory, RecipientFactory
from messages.tests.test_queue import past

pytestmark = pytest.mark.django_db

STANDARD = MessageClass.STANDARD
CONTENT = b"From: shop@alices.example\r\nSubject: Hi\r\n\r\nHello\r\n"


@pytest.fixture
def domain():
    """The verified domain of the sender, with its key."""
    message = MessageFactory(content=CONTENT)
    RecipientFactory(message=message, due_at=past())
    domain = Domain.objects.create(
        account=message.account, name="alices.example", verified_at=timezone.now()
    )
    private_key, public_key = keys.generate()
    SigningKey.objects.create(
        domain=domain,
        selector="s1",
        public_key=public_key,
        encrypted_private_key=vault.encrypt(private_key),
    )
    return domain


def taken(keyring=None):
    """Claim, write what is known at once, and return what is to be sent."""
    batch = claiming.take(STANDARD, 10, keyring or Keyring())
    outcomes.write(batch.results)
    return batch.composed


def used():
    return VolumeDay.objects.get().used


def test_what_can_be_signed_is_sent(domain):
    (composed,) = taken()

    assert composed.transaction.letter.wire.startswith(b"DKIM-Signature:")
    assert used() == 1


def test_mail_of_a_domain_that_is_not_verified_any_more_waits_for_that(domain):
    Domain.objects.update(verified_at=None)

    assert taken() == []

    recipient = Recipient.objects.get()
    assert (recipient.state, recipient.attempt_count) == ("held", 0)
    assert recipient.reply == "The domain alices.example is not verified any more"
    assert not Event.objects.exists()

    Domain.objects.update(verified_at=timezone.now())
    Recipient.objects.update(due_at=past())
    assert len(taken()) == 1


def test_but_not_for_ever(domain):
    Domain.objects.update(verified_at=None)
    two_days_ago = timezone.now() - timedelta(days=2)
    Recipient.objects.update(allowed_at=two_days_ago)
    VolumeDay.objects.create(account=domain.account, day=today(), allowance=100, used=7)

    assert taken() == []

    event, recipient = Event.objects.get(), Recipient.objects.get()
    assert (event.kind, event.details["reason"]) == ("blocked", "domain_unverified")
    assert (recipient.state, recipient.attempt_count) == ("blocked", 0)
    assert recipient.reply == "The domain alices.example is not verified any more"
    assert not Attempt.objects.exists() and used() == 7


def test_that_of_a_domain_that_was_removed_waits_as_well(domain):
    domain.delete()

    assert taken() == []
    assert Recipient.objects.get().state == "held"


def test_a_domain_that_was_verified_just_now_need_not_wait(domain):
    keyring = Keyring()
    Domain.objects.update(verified_at=None)
    assert keyring.identity(domain.account_id, domain.name) is None

    Domain.objects.update(verified_at=timezone.now())

    assert len(taken(keyring)) == 1


def lose_the_key(domain):
    SigningKey.objects.all().delete()


def spoil_the_key(domain):
    SigningKey.objects.update(encrypted_private_key=vault.encrypt(keys.generate()[0]))


def lose_the_master_key(domain):
    SigningKey.objects.update(encrypted_private_key=b"sealed by a key that is gone")


def lose_the_content(domain):
    Content.objects.all().delete()


def damage_the_content(domain):
    Content.objects.update(data=CONTENT + b"A stray\rCR\r\n")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lose_the_key, "The domain alices.example cannot sign: It has no signing key"),
        (spoil_the_key, "The domain alices.example cannot sign: The private key does not fit"),
        (lose_the_master_key, "The signing key of alices.example cannot be opened"),
        (lose_the_content, "The content of the message is gone"),
        (damage_the_content, "The stored content is damaged"),
    ],
)
def test_what_staff_can_mend_is_held_and_never_sent_unsigned(domain, damage, why):
    damage(domain)

    assert taken() == []

    recipient = Recipient.objects.get()
    assert (recipient.state, recipient.attempt_count) == ("held", 0)
    assert recipient.reply.startswith(why) and recipient.due_at > timezone.now()
    assert not Event.objects.exists()
    assert used() == 1  # it is to be sent yet


def test_one_that_we_cannot_handle_harms_no_other(domain, monkeypatch, caplog):
    message = MessageFactory(account=domain.account, content=CONTENT, sender_domain="odd.example")
    RecipientFactory(message=message, due_at=past())
    identity = Keyring.identity

    def broken(keyring, account_id, name):
        if name == "odd.example":
            raise RuntimeError("nobody has thought of this")
        return identity(keyring, account_id, name)

    monkeypatch.setattr(Keyring, "identity", broken)

    assert len(taken()) == 1
    assert Recipient.objects.get(state="held").reply == "An error of ours; see the worker's log"
    assert "nobody has thought of this" in caplog.text


def test_for_a_domain_that_takes_nothing_now_nothing_is_signed(domain):
    message = MessageFactory(account=domain.account, content=CONTENT)
    RecipientFactory(message=message, address="a@open.example", due_at=past())
    lose_the_key(domain)  # whoever is to sign notices

    batch = claiming.take(
        STANDARD, 10, Keyring(), is_closed=lambda one: one.domain == "example.net"
    )

    assert [one.domain for one in batch.shut_out] == ["example.net"]
    assert [one.outcome.claimed.domain for one in batch.results] == ["open.example"]


def test_mail_of_the_product_costs_nothing_and_gives_nothing_back(domain):
    message = MessageFactory(account=domain.account, door=Door.OWN)
    RecipientFactory(message=message, address="carol@example.net", due_at=past())
    Suppression.objects.create(account=domain.account, address="carol@example.net")

    assert len(taken()) == 1
    assert used() == 1
