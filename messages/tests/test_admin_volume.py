"""What staff see and click when they decide on volume and standing."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts import approval
from accounts.message_class import MessageClass
from accounts.volume import Notice, RampUpDecision, RampUpRequest, Standing, StandingChange
from domains.models import Domain
from events.models import Kind, Tally
from messages.tests.factories import (
    AccountFactory,
    EventFactory,
    MessageFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:accounts_rampuprequest_changelist")
STEPS = reverse("admin:accounts_standingchange_changelist")


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(email="sam@operator.example", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def onlooker(client):
    """Of staff, but not one who decides."""
    user = UserFactory(is_staff=True)
    for model in ("rampuprequest", "standingchange"):
        user.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    client.force_login(user)
    return client


def asked(name="Alice", amount=5_000, **account):
    account = AccountFactory(**{"name": name, "ceiling": 2_000, "allowance": 150} | account)
    return approval.ask(account, f"{name}@x.example".lower(), amount, "Orders", "Our shop")


def page_of(request):
    return reverse("admin:accounts_rampuprequest_change", args=[request.pk])


def decide(request, verdict):
    return reverse("admin:accounts_rampuprequest_decide", args=[request.pk, verdict])


class TestList:
    def test_what_waits_comes_first_and_the_oldest_before_all(self, staff):
        first, second, gone = asked("First"), asked("Second"), asked("Gone")
        approval.withdraw(gone.account, gone.pk)

        shown = staff.get(LIST).context["cl"].result_list

        assert list(shown) == [first, second]
        assert list(staff.get(LIST, {"state": "withdrawn"}).context["cl"].result_list) == [gone]
        assert len(staff.get(LIST, {"state": "all"}).context["cl"].result_list) == 3

    def test_it_shows_the_figures_of_the_week(self, staff):
        request = asked()
        for kind, count in ((Kind.DELIVERY, 950), (Kind.BOUNCE, 50), (Kind.COMPLAINT, 19)):
            Tally.objects.create(
                account=request.account, hour=timezone.now(), message_class=1, tag="",
                kind=kind, count=count,
            )  # fmt: skip
        Domain.objects.create(
            account=request.account, name="alices.example", verified_at=timezone.now()
        )

        page = staff.get(LIST).content.decode()

        for text in ("150 (up to 2,000) → 5,000", "950", "5.00 %", "2.00 %", "alices.example"):
            assert text in page


class TestEvidence:
    def test_it_shows_a_month_of_mail_on_one_page(self, staff):
        request = asked()
        account = request.account
        message = MessageFactory(account=account, subject="Your <b>order</b>")
        MessageFactory(subject="Of somebody else")
        for _ in range(2):
            EventFactory(
                message=message, kind=Kind.BOUNCE,
                details={"smtp_code": 550, "enhanced_code": "5.1.1", "smtp_response": "No <i>"},
            )  # fmt: skip
        Tally.objects.create(
            account=account, hour=timezone.now(), message_class=MessageClass.STANDARD, tag="",
            kind=Kind.DELIVERY, count=77,
        )  # fmt: skip

        page = staff.get(page_of(request)).content.decode()

        assert "77 delivered, 0 bounced" in page
        assert "550 5.1.1 No &lt;i&gt;" in page
        assert "Your &lt;b&gt;order&lt;/b&gt;" in page
        assert "Of somebody else" not in page
        assert "<svg" in page
        assert "style=" not in page.partition('<section class="evidence">')[2]

    def test_it_shows_by_class_and_tag_where_the_trouble_comes_from(self, staff):
        request = asked()
        for tag, kind, count in (
            ("", Kind.DELIVERY, 990), ("", Kind.BOUNCE, 110), ("<i>old", Kind.DELIVERY, 90),
            ("<i>old", Kind.BOUNCE, 110), *((f"tag{n}", Kind.DELIVERY, 10) for n in range(10)),
        ):  # fmt: skip
            Tally.objects.create(
                account=request.account, hour=timezone.now(), message_class=MessageClass.DIGEST,
                tag=tag, kind=kind, count=count,
            )  # fmt: skip

        response = staff.get(page_of(request))

        shown = {
            name: figures.bounced for name, figures, _, _ in response.context["evidence"].parts
        }
        assert shown["class digest"] == shown["tag <i>old"] == 110
        assert len(shown) == 1 + 10
        assert "<bdi>tag &lt;i&gt;old</bdi>" in response.content.decode()

    def test_it_stands_without_any_mail(self, staff):
        page = staff.get(page_of(asked())).content.decode()

        assert "Nothing has bounced in 30 days" in page

    def test_earlier_decisions_are_shown(self, staff):
        first = asked()
        staff.post(
            decide(first, "rejected"), {"words": "Not with bought lists", "confirmed": "yes"}
        )
        second = approval.ask(first.account, "alice@x.example", 3_000, "Orders", "Our shop")

        assert "Not with bought lists" in staff.get(page_of(second)).content.decode()


class TestDeciding:
    def test_a_link_alone_decides_nothing(self, staff):
        request = asked()

        for verdict in ("approved", "rejected", "asked"):
            assert staff.get(decide(request, verdict)).status_code == 200

        assert not RampUpDecision.objects.exists()

    def test_what_is_sent_is_shown_before_it_is_sent(self, staff):
        request = asked()

        page = staff.post(decide(request, "rejected"), {"words": "No bought lists"})

        assert "No bought lists" in page.content.decode()
        assert "We cannot grant it now" in page.content.decode()
        assert not RampUpDecision.objects.exists()

    def test_another_amount_is_approved(self, staff):
        request = asked()

        answer = staff.post(
            decide(request, "approved"),
            {"amount": "3000", "is_at_once": "on", "words": "", "confirmed": "yes"},
            follow=True,
        )

        assert "Approved: 3,000 recipients a day for Alice." in answer.content.decode()
        request.account.refresh_from_db()
        assert (request.account.ceiling, request.account.allowance) == (3_000, 3_000)
        assert LogEntry.objects.get().change_message.startswith("Approved: 3,000")
        assert RampUpDecision.objects.get().who == "sam@operator.example"

    def test_a_second_click_says_that_nothing_was_done(self, staff):
        request = asked()
        values = {"amount": "5000", "words": "", "confirmed": "yes"}
        staff.post(decide(request, "approved"), values)

        answer = staff.post(decide(request, "approved"), values, follow=True)

        assert "sam@operator.example has decided already" in answer.content.decode()
        assert RampUpDecision.objects.count() == LogEntry.objects.count() == 1

    @pytest.mark.parametrize(
        ("verdict", "values", "error"),
        [
            ("rejected", {"words": ""}, "This field is required."),
            ("asked", {"words": " "}, "This field is required."),
            ("approved", {"amount": "0"}, "greater than or equal to 1"),
            ("approved", {"amount": "lots"}, "Enter a whole number."),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(self, staff, verdict, values, error):
        answer = staff.post(decide(asked(), verdict), values | {"confirmed": "yes"})

        assert error in answer.content.decode()
        assert not RampUpDecision.objects.exists()

    @pytest.mark.parametrize("verdict", ["seconded", "withdrawn", "x"])
    def test_there_are_no_other_verdicts(self, staff, verdict):
        assert staff.post(decide(asked(), verdict), {"confirmed": "yes"}).status_code == 404

    def test_a_request_that_is_not_there_is_not_found(self, staff):
        address = reverse("admin:accounts_rampuprequest_decide", args=[4711, "approved"])

        assert staff.post(address, {"confirmed": "yes"}).status_code == 404

    def test_it_takes_its_own_permission(self, onlooker):
        request = asked()

        assert "Approve as asked" not in onlooker.get(page_of(request)).content.decode()
        for values in ({}, {"amount": "5000", "confirmed": "yes"}):
            assert onlooker.post(decide(request, "approved"), values).status_code == 403
        assert not RampUpDecision.objects.exists()

    def test_it_is_not_for_customers(self, client):
        client.force_login(UserFactory(account=AccountFactory()))

        answer = client.post(decide(asked(), "approved"), {"amount": "5000", "confirmed": "yes"})

        assert answer.headers["Location"].startswith(reverse("admin:login"))
        assert not RampUpDecision.objects.exists()


class TestBulk:
    def approve(self, client, *requests, **values):
        chosen = {"action": "approve_all", "_selected_action": [one.pk for one in requests]}
        return client.post(LIST, chosen | values, follow=True)

    def test_it_asks_first_and_leaves_out_what_is_not_usual(self, staff, settings):
        usual, high = asked("Usual"), asked("High", settings.BULK_APPROVAL_UP_TO + 1)
        under_review = asked("Review", standing=Standing.REVIEW)

        page = self.approve(staff, usual, high, under_review).content.decode()
        assert page.count("is to be looked at by itself") == 2
        assert not RampUpDecision.objects.exists()

        self.approve(staff, usual, high, under_review, confirmed="yes")

        states = dict(RampUpRequest.objects.values_list("account__name", "state"))
        assert states == {"Usual": "approved", "High": "pending", "Review": "pending"}
        assert LogEntry.objects.count() == 1

    def test_who_may_not_decide_has_no_such_action(self, onlooker):
        request = asked()

        self.approve(onlooker, request, confirmed="yes")

        assert RampUpRequest.objects.get().state == "pending"


class TestStanding:
    def step(self, standing=Standing.REVIEW):
        account = AccountFactory(name="Alice", standing=standing)
        return StandingChange.objects.create(
            account=account, before=0, after=standing, measure="bounces", count=60, out_of=1_000,
            threshold=0.05, since=timezone.now(),
        )  # fmt: skip

    def address(self, step, standing):
        return reverse("admin:accounts_standingchange_move", args=[step.pk, standing])

    def test_accounts_that_wait_for_staff_come_first(self, staff):
        waiting, _ = self.step(), self.step(Standing.WARNING)

        assert list(staff.get(STEPS).context["cl"].result_list) == [waiting]
        assert len(staff.get(STEPS, {"waits": "all"}).context["cl"].result_list) == 2

    def test_the_page_has_the_figures_and_the_ways_out(self, staff):
        step = self.step()

        page = staff.get(reverse("admin:accounts_standingchange_change", args=[step.pk]))

        text = page.content.decode()
        assert "60 bounces of 1,000 recipients" in text
        assert "Put back in good standing" in text
        assert "Pause" in text

    def test_an_account_is_put_back_with_a_note(self, staff):
        step = self.step(Standing.PAUSED)
        address = self.address(step, 0)
        assert "This field is required" in staff.post(address, {"note": ""}).content.decode()

        answer = staff.post(address, {"note": "They cleaned their lists"}, follow=True)

        assert "Alice stands at good now." in answer.content.decode()
        step.account.refresh_from_db()
        assert step.account.standing == Standing.GOOD
        assert "They cleaned their lists" in Notice.objects.get().text
        assert "They cleaned" in LogEntry.objects.get().change_message
        again = staff.post(address, {"note": "Again"}, follow=True)
        assert "stands there already" in again.content.decode()

    def test_staff_may_pause(self, staff):
        step = self.step()

        staff.post(self.address(step, 4), {"note": "Bought lists"})

        step.account.refresh_from_db()
        assert step.account.standing == Standing.PAUSED

    def test_it_takes_its_own_permission(self, onlooker):
        step = self.step()

        assert onlooker.post(self.address(step, 0), {"note": "x"}).status_code == 403
        page = onlooker.get(reverse("admin:accounts_standingchange_change", args=[step.pk]))
        assert "Put back" not in page.content.decode()

    @pytest.mark.parametrize("standing", [1, 2, 3, 9])
    def test_staff_put_nobody_on_another_rung(self, staff, standing):
        assert staff.post(self.address(self.step(), standing), {"note": "x"}).status_code == 404
