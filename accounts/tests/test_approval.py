"""Requests for more volume: asked by customers, decided once by staff, and told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from accounts import approval, notices
from accounts.approval import Ruling
from accounts.models import Account
from accounts.volume import Notice, RampUpDecision, RampUpRequest, Standing
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

State = RampUpRequest.State
Verdict = RampUpDecision.Verdict


@pytest.fixture
def account():
    account = AccountFactory(name="Alice", stage=0, ceiling=2_000, allowance=150)
    UserFactory(email="alice@alices.example", account=account)
    return account


@pytest.fixture
def request_(account):
    return approval.ask(account, "alice@alices.example", 5_000, "Orders", "Our shop")


@pytest.fixture
def sam():
    return UserFactory(email="sam@operator.example", is_staff=True)


def approve(request, user, amount=5_000, **ruling):
    return approval.decide(request.pk, Ruling(Verdict.APPROVED, amount, **ruling), user)


class TestAsking:
    def test_a_new_request_supersedes_the_one_before(self, account, request_):
        second = approval.ask(account, "alice@alices.example", 9_000, "Orders", "Our shop")

        request_.refresh_from_db()
        assert (request_.state, second.state) == (State.SUPERSEDED, State.PENDING)
        assert second.before == 2_000

    def test_it_can_be_withdrawn_once_and_by_its_own_account(self, account, request_):
        assert not approval.withdraw(AccountFactory(), request_.pk)
        assert approval.withdraw(account, request_.pk)
        assert not approval.withdraw(account, request_.pk)

    def test_a_question_is_answered_by_its_own_account_while_it_is_asked(
        self, account, request_, sam
    ):
        assert not approval.reply(account, request_.pk, "What?")
        approval.decide(request_.pk, Ruling(Verdict.ASKED, words="Which shop?"), sam)
        assert not approval.reply(AccountFactory(), request_.pk, "Mine")

        assert approval.reply(account, request_.pk, "alices.example")

        request_.refresh_from_db()
        assert (request_.state, request_.answer) == (State.PENDING, "alices.example")


class TestApproving:
    def test_the_ceiling_rises_and_the_volume_grows_by_the_plan(self, account, request_, sam):
        answer = approve(request_, sam)

        account.refresh_from_db()
        request_.refresh_from_db()
        assert answer.is_done
        assert answer.text == "Approved: 5,000 recipients a day for Alice."
        assert (account.ceiling, account.allowance, account.stage) == (5_000, 150, 0)
        assert request_.state == State.APPROVED

    def test_staff_may_give_the_whole_amount_at_once(self, account, request_, sam):
        approve(request_, sam, 6_000, is_at_once=True)

        account.refresh_from_db()
        assert (account.ceiling, account.allowance) == (6_000, 6_000)

    def test_less_than_now_takes_effect_too(self, account, request_, sam):
        Account.objects.update(stage=6, allowance=2_000)

        approve(request_, sam, 300)

        account.refresh_from_db()
        assert (account.ceiling, account.allowance, account.stage) == (300, 300, 2)

    def test_the_first_approval_ends_test_mode(self, account, request_, sam):
        Account.objects.update(is_test=True)

        approve(request_, sam)

        account.refresh_from_db()
        assert not account.is_test
        assert "has left test mode" in Notice.objects.get().text

    def test_a_paused_account_keeps_its_trickle(self, account, request_, sam):
        Account.objects.update(standing=Standing.PAUSED)

        approve(request_, sam, 5_000, is_at_once=True)

        account.refresh_from_db()
        assert account.allowance == 500

    def test_the_owners_are_told_by_mail(self, request_, sam):
        approve(request_, sam, words="Welcome.")
        notices.send_due()

        (letter,) = mail.outbox
        assert letter.to == ["alice@alices.example"]
        assert letter.subject == "Your request for more volume is approved"
        assert "may grow up to 5,000 recipients a day" in letter.body
        assert "Welcome." in letter.body


class TestRefusing:
    def test_the_words_of_staff_are_sent(self, account, request_, sam):
        approval.decide(request_.pk, Ruling(Verdict.REJECTED, words="Bought lists bounce."), sam)
        notices.send_due()

        account.refresh_from_db()
        assert account.ceiling == 2_000
        assert "Bought lists bounce." in mail.outbox[0].body
        assert RampUpRequest.objects.get().state == State.REJECTED


class TestOnce:
    def test_a_second_click_does_nothing_and_says_who_was_first(self, account, request_, sam):
        approve(request_, sam)
        answer = approval.decide(
            request_.pk, Ruling(Verdict.REJECTED, words="No"), UserFactory(is_staff=True)
        )

        assert answer == approval.Answer(
            False, "Nothing was done: sam@operator.example has decided already (approved)."
        )
        assert RampUpDecision.objects.count() == Notice.objects.count() == 1

    def test_what_was_withdrawn_is_not_decided(self, account, request_, sam):
        approval.withdraw(account, request_.pk)

        assert approve(request_, sam).text == "Nothing was done: the request is withdrawn."

    def test_a_decision_cannot_be_changed(self, request_, sam):
        approve(request_, sam)

        with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
            RampUpDecision.objects.update(amount=1)

    def test_whoever_decided_may_leave_and_the_decision_stays(self, request_, sam):
        approve(request_, sam)
        sam.delete()

        assert RampUpDecision.objects.get().who == "sam@operator.example"


class TestFourEyes:
    @pytest.fixture(autouse=True)
    def _limit(self, settings):
        settings.FOUR_EYES_ABOVE = 4_999

    def test_much_takes_two_people(self, account, request_, sam):
        first = approve(request_, sam)
        again = approve(request_, sam)
        account.refresh_from_db()
        assert (first.is_done, again.is_done, account.ceiling) == (True, False, 2_000)
        assert RampUpRequest.objects.get().state == State.PENDING

        second = approve(request_, UserFactory(is_staff=True))

        account.refresh_from_db()
        assert (second.is_done, account.ceiling) == (True, 5_000)
        assert Notice.objects.count() == 1

    def test_two_amounts_are_not_one_decision(self, account, request_, sam):
        approve(request_, sam, 5_000)
        approve(request_, UserFactory(is_staff=True), 50_000)

        account.refresh_from_db()
        assert account.ceiling == 2_000

    def test_to_refuse_takes_one(self, request_, sam):
        assert approval.decide(request_.pk, Ruling(Verdict.REJECTED, words="No"), sam).is_done


@pytest.mark.django_db(transaction=True)
def test_two_of_staff_at_once_decide_once():
    account = AccountFactory(ceiling=2_000)
    request = approval.ask(account, "alice@alices.example", 5_000, "Orders", "Our shop")
    staff = [UserFactory(is_staff=True) for _ in range(6)]
    start = Barrier(len(staff))

    def click(number):
        try:
            start.wait()
            if number % 2:
                return approve(request, staff[number])
            return approval.decide(request.pk, Ruling(Verdict.REJECTED, words="No"), staff[number])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(staff)) as people:
        answers = list(people.map(click, range(len(staff))))

    assert sorted(answer.is_done for answer in answers) == [False] * 5 + [True]
    assert RampUpDecision.objects.count() == Notice.objects.count() == 1
    request.refresh_from_db()
    account.refresh_from_db()
    assert (account.ceiling == 5_000) is (request.state == State.APPROVED)
