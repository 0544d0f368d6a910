"""Make accounts, people and their mail for tests of pages, with as few words as they need."""

from datetime import timedelta
from functools import cache

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Account, Membership, User
from events.identifiers import new_id
from events.models import Event, Kind
from messages.models import (
    FINAL,
    Attempt,
    Content,
    Door,
    IncomingReport,
    Message,
    Recipient,
    State,
)

PASSWORD = "correct horse battery staple"


@cache
def hashed_password():
    # It is slow by design: once for all.
    return make_password(PASSWORD)


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Account {n}")
    ceiling = allowance = 1_000_000


class UserFactory(factory.django.DjangoModelFactory):
    """A person with a confirmed address; `account` makes her its owner."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@people.example")
    password = factory.LazyFunction(hashed_password)

    @factory.post_generation
    def address(self, create, address, **kwargs):
        EmailAddress.objects.create(user=self, email=self.email, verified=True, primary=True)

    @factory.post_generation
    def account(self, create, account, **kwargs):
        if account:
            Membership.objects.create(user=self, account=account, role=Membership.Role.OWNER)


class MessageFactory(factory.django.DjangoModelFactory):
    """A message without recipients; `content` gives it one of these bytes."""

    class Meta:
        model = Message
        skip_postgeneration_save = True

    id = factory.LazyFunction(new_id)
    account = factory.SubFactory(AccountFactory)
    door = Door.SMTP
    message_class = MessageClass.STANDARD
    reverse_path = "shop@alices.example"
    sender_domain = "alices.example"
    header_from = "Alice's shop <shop@alices.example>"
    subject = factory.Sequence(lambda n: f"Your order {n}")
    message_id_header = factory.LazyAttribute(lambda message: f"<{message.id}@alices.example>")
    size = 12_345

    @factory.post_generation
    def content(self, create, content, **kwargs):
        if content is not None:
            Content.objects.create(message=self, data=content)


class RecipientFactory(factory.django.DjangoModelFactory):
    """A recipient in any state, due or settled as the state asks for."""

    class Meta:
        model = Recipient

    message = factory.SubFactory(MessageFactory)
    account = factory.SelfAttribute("message.account")
    message_class = factory.SelfAttribute("message.message_class")
    accepted_at = factory.SelfAttribute("message.accepted_at")
    address = factory.Sequence(lambda n: f"carol{n}@example.net")
    domain = factory.LazyAttribute(lambda recipient: recipient.address.rpartition("@")[2])
    state = State.QUEUED
    due_at = factory.LazyAttribute(lambda one: None if one.state in FINAL else timezone.now())
    settled_at = factory.LazyAttribute(lambda one: timezone.now() if one.state in FINAL else None)
    lease = factory.LazyAttribute(lambda one: 1 if one.state == State.LEASED else None)


class AttemptFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Attempt

    recipient = factory.SubFactory(RecipientFactory)
    number = 1
    started_at = factory.LazyFunction(timezone.now)
    duration = timedelta(seconds=0.84)
    exchanger = "mx1.example.net"
    address = "192.0.2.25"
    tls = "TLSv1.3"
    reply = "250 2.0.0 Queued as 4711"
    dialogue = "C: MAIL FROM:<bounces@mta.alices.example>\nS: 250 2.1.0 Sender ok"
    phases = "connect 20.1, MAIL 3.0, final dot 1234.5"


class ReportFactory(factory.django.DjangoModelFactory):
    """What came back for a recipient, and was read."""

    class Meta:
        model = IncomingReport

    recipient = factory.SubFactory(RecipientFactory)
    reverse_path = ""
    size = 1234
    digest = factory.Sequence(lambda n: n.to_bytes(32, "big"))
    state = IncomingReport.State.READ


class EventFactory(factory.django.DjangoModelFactory):
    """An event of a message's recipient: `EventFactory(message=…, recipient="…")`."""

    class Meta:
        model = Event
        exclude = ("message",)

    message = factory.SubFactory(MessageFactory)
    id = factory.LazyFunction(new_id)
    account = factory.SelfAttribute("message.account")
    message_id = factory.SelfAttribute("message.id")
    message_id_header = factory.SelfAttribute("message.message_id_header")
    recipient = "carol@example.net"
    kind = Kind.DELIVERY
    timestamp = factory.LazyFunction(timezone.now)
    details = factory.LazyFunction(dict)
