"""The page Volume: what it shows, and what members may ask of staff there."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import allowance, approval
from accounts.approval import Ruling
from accounts.models import Account, AuditEntry, Membership
from accounts.volume import Notice, RampUpDecision, RampUpRequest, Standing, VolumeDay
from domains.models import Domain
from events import reputation
from events.models import Kind, Tally
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

VOLUME = reverse("volume")
WISH = {"amount": "5000", "purpose": "Orders", "sources": "Our shop"}


@pytest.fixture
def account():
    account = AccountFactory(name="Alice", stage=4, ceiling=2_000, allowance=1_000)
    Domain.objects.create(account=account, name="alices.example", verified_at=timezone.now())
    return account


@pytest.fixture
def alice(client, account):
    client.force_login(UserFactory(email="alice@alices.example", account=account))
    return client


@pytest.fixture
def viewer(client, account):
    user = UserFactory()
    Membership.objects.create(user=user, account=account, role=Membership.Role.VIEWER)
    client.force_login(user)
    return client


def text_of(client):
    answer = client.get(VOLUME)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestToday:
    def test_it_shows_what_is_used_and_what_waits(self, alice, account):
        VolumeDay.objects.create(account=account, day=allowance.today(), allowance=1_000, used=620)
        Account.objects.update(held=1_234)

        page = text_of(alice)

        assert "<strong>620 / 1,000</strong> recipients" in page
        assert "<strong>1,234</strong> recipients wait for volume now" in page
        assert 'max="1000" value="620" aria-label="Volume today"' in page

    def test_the_bar_stands_on_every_page(self, alice, account):
        VolumeDay.objects.create(account=account, day=allowance.today(), allowance=1_000, used=620)

        page = alice.get(reverse("message-list")).content.decode()

        assert f'href="{VOLUME}"><progress max="1000" value="620"' in page

    def test_in_test_mode_it_says_how_to_go_live(self, alice, account):
        Account.objects.update(is_test=True)

        page = text_of(alice)

        assert "Ask below to go live" in page
        assert "Go live" in page
        assert 'class="volume"' not in page


class TestGrowth:
    def test_it_says_what_the_next_stage_takes(self, alice, account):
        VolumeDay.objects.create(account=account, day=allowance.today(), allowance=1_000, used=620)
        for kind, count in ((Kind.DELIVERY, 580), (Kind.BOUNCE, 20)):
            Tally.objects.create(
                account=account, hour=timezone.now().replace(minute=0), message_class=1, tag="",
                kind=kind, count=count,
            )  # fmt: skip

        page = text_of(alice)

        assert "The next stage, <strong>1,500</strong>" in page
        assert "so far yes:</span> At least 500 recipients are used (620)" in page
        assert "not yet:</span> Bounces stay under 2 % (3.33 % today)" in page

    def test_at_the_ceiling_it_says_who_can_raise_it(self, alice, account):
        Account.objects.update(stage=6, allowance=2_000)

        assert "That is all that our staff have approved (2,000)" in text_of(alice)

    def test_each_day_says_what_it_led_to(self, alice, account):
        VolumeDay.objects.create(
            account=account, day=allowance.today() - timedelta(days=1), allowance=700, used=100,
            decision=VolumeDay.Decision.HELD, reason="Less than half was used: 100 of 700",
        )  # fmt: skip

        assert "Less than half was used: 100 of 700" in text_of(alice)


class TestStanding:
    def test_it_shows_why_and_what_comes_next(self, alice, account):
        Tally.objects.create(
            account=account, hour=timezone.now().replace(minute=0), message_class=1, tag="",
            kind=Kind.BOUNCE, count=200,
        )  # fmt: skip
        reputation.judge_all()
        assert Account.objects.get().standing == Standing.PAUSED

        page = text_of(alice)

        assert "sending paused" in page
        assert "200 bounces of 200 recipients tried" in page
        assert "Our staff must look at the account before it goes on" in page

    def test_what_we_said_stands_there(self, alice, account):
        Notice.objects.create(account=account, kind="staff", subject="Hello <b>", text="Words")

        assert "Hello &lt;b&gt;" in text_of(alice)


class TestAsking:
    def test_a_request_goes_to_staff_and_shows_as_pending(self, alice, account):
        answer = alice.post(VOLUME, WISH, follow=True)

        assert "Your request is with our staff" in answer.content.decode()
        row = RampUpRequest.objects.get()
        assert (row.amount, row.purpose, row.sources, row.asked_by, row.before) == (
            5_000, "Orders", "Our shop", "alice@alices.example", 2_000,
        )  # fmt: skip
        assert "Our staff have not decided yet" in text_of(alice)
        assert AuditEntry.objects.get().verb == "asked for more volume:"

    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("amount", "2000", "Your volume may grow up to 2,000 already"),
            ("amount", "lots", "Enter a whole number"),
            ("amount", "-1", "greater than or equal to 1"),
            ("amount", "9" * 30, "less than or equal to"),
            ("purpose", " ", "This field is required"),
            ("sources", "x" * 2_001, "at most 2000 characters"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
        self, alice, field, value, error
    ):
        answer = alice.post(VOLUME, WISH | {field: value})

        assert answer.status_code == 422
        assert error in answer.content.decode()
        assert "Our shop" in answer.content.decode() or field == "sources"
        assert not RampUpRequest.objects.exists()

    def test_it_takes_a_verified_domain(self, alice):
        Domain.objects.update(verified_at=None)

        assert "Verify a domain first" in alice.post(VOLUME, WISH).content.decode()
        assert not RampUpRequest.objects.exists()

    def test_in_test_mode_little_may_be_asked_for(self, alice):
        Account.objects.update(is_test=True)

        alice.post(VOLUME, WISH | {"amount": "100"})

        assert RampUpRequest.objects.get().amount == 100

    def test_a_viewer_looks_and_does_not_ask(self, viewer):
        assert "Admins and owners of the account can ask for more" in text_of(viewer)
        assert viewer.post(VOLUME, WISH).status_code == 403
        assert not RampUpRequest.objects.exists()

    def test_who_is_logged_out_sees_nothing(self, client):
        assert client.get(VOLUME).status_code == 302
        assert client.post(VOLUME, WISH).status_code == 302


class TestPending:
    @pytest.fixture
    def row(self, account):
        return approval.ask(account, "alice@alices.example", 5_000, "Orders", "Our shop")

    def test_it_can_be_withdrawn(self, alice, row):
        answer = alice.post(reverse("volume-withdraw", args=[row.pk]), follow=True)

        assert "The request is withdrawn" in answer.content.decode()
        again = alice.post(reverse("volume-withdraw", args=[row.pk]), follow=True)
        assert "Nothing was done" in again.content.decode()
        assert RampUpRequest.objects.get().state == "withdrawn"

    def test_a_question_is_shown_and_answered(self, alice, row):
        sam = UserFactory(is_staff=True)
        question = Ruling(RampUpDecision.Verdict.ASKED, words="Which <shop>?")
        approval.decide(row.pk, question, sam)
        assert "Which &lt;shop&gt;?" in text_of(alice)
        address = reverse("volume-answer", args=[row.pk])
        assert alice.post(address, {"answer": ""}).status_code == 422

        alice.post(address, {"answer": "alices.example"})

        assert RampUpRequest.objects.get().answer == "alices.example"

    @pytest.mark.parametrize("act", ["volume-withdraw", "volume-answer"])
    def test_a_request_of_somebody_else_is_not_found(self, client, row, act):
        client.force_login(UserFactory(account=AccountFactory(name="Bob")))

        answer = client.post(reverse(act, args=[row.pk]), {"answer": "Mine"})

        assert answer.status_code == 404
        row.refresh_from_db()
        assert (row.state, row.answer) == ("pending", "")

    @pytest.mark.parametrize("act", ["volume-withdraw", "volume-answer"])
    def test_a_link_does_nothing(self, alice, row, act):
        assert alice.get(reverse(act, args=[row.pk])).status_code == 405

    def test_what_staff_decided_is_shown(self, alice, account, row):
        sam = UserFactory(email="sam@operator.example", is_staff=True)
        approval.decide(row.pk, Ruling(RampUpDecision.Verdict.REJECTED, words="Bought lists"), sam)

        page = text_of(alice)

        assert "rejected" in page
        assert "Bought lists" in page
        assert "sam@operator.example" not in page
        assert AuditEntry.objects.get().who == "staff"

    def test_a_page_of_bob_shows_nothing_of_alice(self, client, row):
        client.force_login(UserFactory(account=AccountFactory(name="Bob")))

        page = text_of(client)

        assert "alice@alices.example" not in page
        assert "5,000" not in page
