import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts import staff_pages
from accounts.message_class import MessageClass
from accounts.models import Account, AuditEntry, Credential, Invitation, Membership, Thread, User
from accounts.staff_pages import BigTableAdmin, ConfirmedAdmin, ReadOnlyAdmin
from accounts.volume import (
    Notice,
    RampUpDecision,
    RampUpRequest,
    Standing,
    StandingChange,
    VolumeDay,
)
from domains.models import Domain, SigningKey
from events import verdicts, webhooks
from events.models import Event, Suppression, Tally, Webhook, WebhookPost
from events.poster import Answer
from messages.models import Attempt, Content, IncomingReport, Message, Recipient, Refusal
from messages.site_override import SiteOverride
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
    UserFactory,
)

SECRET = "canary-4f1d9c"
MODELS = [
    User, Account, Membership, Credential, Domain, SigningKey, Event, Tally, Message, Content,
    Recipient, Attempt, Refusal, IncomingReport, Invitation, AuditEntry, Authenticator,
    EmailAddress, VolumeDay, StandingChange, Notice, RampUpRequest, RampUpDecision, Webhook,
    WebhookPost, Suppression, Thread,
]  # fmt: skip
BIG = [model for model in MODELS if isinstance(admin.site.get_model_admin(model), BigTableAdmin)]
# Of these staff may change a few fields, see accounts/tests/test_admin_changes.py.
CHANGEABLE = [
    model for model in MODELS if isinstance(admin.site.get_model_admin(model), ConfirmedAdmin)
]


@pytest.fixture
def world(db):
    """One row of everything, each secret the same word."""
    account = AccountFactory(name="Alice's shop")
    alice = UserFactory(email="alice@alices.example", account=account, password=SECRET)
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"x": SECRET})
    AuditEntry.objects.create(account=account, user=alice, who=alice.email, verb="invited")
    Invitation.objects.create(
        account=account, email="x@x.example", role="viewer", expires_at=timezone.now()
    )
    Credential.objects.create(
        account=account, name="Shop", secret_hash=SECRET, previous_secret_hash=SECRET
    )
    domain = Domain.objects.create(account=account, name="alices.example")
    SigningKey.objects.create(
        domain=domain, selector="s1", public_key="MII", encrypted_private_key=SECRET.encode()
    )
    message = MessageFactory(account=account, content=SECRET.encode())
    recipient = RecipientFactory(message=message)
    AttemptFactory(recipient=recipient)
    IncomingReport.objects.create(
        recipient=recipient, reverse_path="", size=9, content=SECRET.encode(), digest=b"\0"
    )
    EventFactory(message=message, details={"mx": "mx1.example.net"})
    Refusal.objects.create(
        account=account, door="smtp", reverse_path="bob@bobs.example", reply="550 5.7.1 Not yours"
    )
    webhook, _ = webhooks.create(account, f"https://alice:{SECRET}@alices.example/")
    Webhook.objects.update(encrypted_secret=SECRET.encode())
    verdicts.logged(webhook, {"webhook-id": "evt_0"}, Answer(200, 0.1), timezone.now()).save()
    Tally.objects.create(
        account=account, hour=timezone.now(), message_class=MessageClass.DIGEST, tag="",
        kind=Tally.ACCEPTED, count=1,
    )  # fmt: skip
    Suppression.objects.create(account=account, address="carol@example.net")
    Thread.objects.create(account=account, subject="Bounces")
    make_volume(account)


def make_volume(account):
    """Days, steps, notices, a request and what staff said to it."""
    VolumeDay.objects.create(account=account, day=timezone.now().date(), allowance=150)
    StandingChange.objects.create(account=account, before=0, after=1, measure="bounces")
    Account.objects.filter(pk=account.pk).update(standing=Standing.REVIEW)
    Notice.objects.create(account=account, kind="ladder", subject="Notice", text="Text")
    request = RampUpRequest.objects.create(
        account=account, asked_by="alice@alices.example", amount=5_000, before=2_000,
        purpose="Orders", sources="Our shop",
    )  # fmt: skip
    RampUpDecision.objects.create(
        request=request, verdict="asked", words="Which shop?", user=UserFactory(), who="sam"
    )


@pytest.fixture
def staff(client, world):
    user = UserFactory(email="staff@operator.example", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(row, act="change"):
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{act}", args=[row.pk])


class TestEveryModel:
    def test_it_is_known_and_read_only_but_for_a_few(self):
        ours = {"accounts", "domains", "events", "mail", "account", "mfa", "usersessions"}
        known = {model for model in admin.site._registry if model._meta.app_label in ours}

        # What staff decide about sites: messages/tests/test_site_admin.py
        assert known == {*MODELS, SiteOverride}
        assert all(isinstance(admin.site.get_model_admin(model), ReadOnlyAdmin) for model in MODELS)
        assert set(CHANGEABLE) == {Account, Credential, Webhook}

    @pytest.mark.parametrize("model", MODELS)
    def test_its_pages_open_for_staff(self, staff, model):
        assert staff.get(list_of(model)).status_code == 200
        assert staff.get(page_of(model.objects.last())).status_code == 200

    @pytest.mark.parametrize("model", MODELS)
    def test_its_pages_show_no_secret(self, staff, model):
        for address in (list_of(model), page_of(model.objects.first())):
            page = staff.get(address).content
            assert SECRET.encode() not in page
            assert SECRET.encode().hex().encode() not in page

    @pytest.mark.parametrize("model", MODELS)
    def test_it_cannot_be_changed_or_deleted(self, staff, model):
        row = model.objects.first()
        before = list(model.objects.values())

        if model not in CHANGEABLE:
            assert staff.post(page_of(row), {"name": "Mine now"}).status_code == 403
        if model not in (Authenticator, Suppression):  # see test_staff_pages.py
            assert staff.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
        if model is not Credential:
            assert staff.post(f"{list_of(model)}add/").status_code == 403
        assert list(model.objects.values()) == before

    def test_staff_takes_away_a_second_factor_that_was_lost(self, staff):
        staff.post(page_of(Authenticator.objects.get(), "delete"), {"post": "yes"})

        assert not Authenticator.objects.exists()

    @pytest.mark.parametrize("model", MODELS)
    def test_it_is_not_for_customers(self, client, world, model):
        client.force_login(User.objects.get(email="alice@alices.example"))

        for address in (list_of(model), page_of(model.objects.first())):
            assert client.get(address).headers["Location"].startswith(reverse("admin:login"))

    @pytest.mark.parametrize("model", MODELS)
    def test_its_filters_work(self, staff, model):
        for one in admin.site.get_model_admin(model).list_filter:
            if isinstance(one, type):
                name = one.parameter_name
            else:
                name = f"{one[0]}__isempty" if isinstance(one, tuple) else f"{one}__exact"
            assert staff.get(list_of(model), {name: "1"}).status_code == 200

    @pytest.mark.parametrize("model", MODELS)
    def test_its_list_asks_the_database_as_often_for_many_as_for_one(
        self, staff, model, django_assert_max_num_queries
    ):
        message = MessageFactory()
        for recipient in RecipientFactory.create_batch(5, message=message):
            AttemptFactory(recipient=recipient)
        EventFactory.create_batch(5)
        UserFactory.create_batch(5)

        # Session, user, two counts, where the newest begin, the rows.
        with django_assert_max_num_queries(6) as queries:
            staff.get(list_of(model))

        assert not any('"data"' in query["sql"] for query in queries)


class TestBigTable:
    def test_those_that_grow_with_the_mail_are(self):
        assert set(BIG) == {
            Message, Content, Recipient, Attempt, Refusal, IncomingReport, Event, Tally,
            AuditEntry, WebhookPost,
        }  # fmt: skip

    @pytest.mark.parametrize("model", BIG)
    def test_it_is_never_counted_as_a_whole(self, staff, model, monkeypatch):
        monkeypatch.setattr(staff_pages, "NEWEST", 2)
        for recipient in RecipientFactory.create_batch(3):
            AttemptFactory(recipient=recipient)
        EventFactory.create_batch(3)

        response = staff.get(list_of(model))

        assert "The newest 2" in response.content.decode()
        assert response.context["cl"].result_count <= 2

    def test_it_shows_the_newest(self, staff, monkeypatch):
        monkeypatch.setattr(staff_pages, "NEWEST", 2)
        recipients = RecipientFactory.create_batch(4)

        shown = staff.get(list_of(Recipient)).context["cl"].result_list

        assert list(shown) == recipients[:1:-1]

    def test_it_finds_an_older_one_by_its_key(self, staff, monkeypatch):
        monkeypatch.setattr(staff_pages, "NEWEST", 2)
        oldest, *_ = sorted(MessageFactory.create_batch(4), key=lambda message: message.id)

        assert list(staff.get(list_of(Message), {"q": oldest.id}).context["cl"].result_list) == [
            oldest
        ]
        assert staff.get(page_of(oldest)).status_code == 200

    @pytest.mark.parametrize("model", BIG)
    @pytest.mark.parametrize("words", ["hello", "0", "'; --", "9" * 30])
    def test_it_finds_nothing_by_what_is_no_key(self, staff, model, words):
        response = staff.get(list_of(model), {"q": words})

        assert response.status_code == 200
        assert list(response.context["cl"].result_list) == []


def test_staff_enables_a_webhook_after_a_question(staff):
    Webhook.objects.update(is_enabled=False, disabled_for="It was gone", failures=9)
    webhook = Webhook.objects.get()
    page = page_of(webhook)

    assert "Yes, change this" in staff.post(page, {"is_enabled": "on"}).content.decode()
    assert not Webhook.objects.get().is_enabled
    staff.post(page, {"is_enabled": "on", "confirmed": "yes"})

    webhook.refresh_from_db()
    assert (webhook.is_enabled, webhook.disabled_for, webhook.failures) == (True, "", 0)


def test_browsers_find_an_icon_where_a_page_names_none(client):
    assert client.get("/favicon.ico").headers["Location"] == "/static/cloudmta.svg"
