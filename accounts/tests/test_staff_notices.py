"""Staff are told by mail what waits for them, once a matter."""

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.utils import timezone

from accounts import approval, ladder, staff_notices
from accounts.ladder import Figures
from accounts.volume import StaffNotice
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outbox(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.STAFF_EMAIL = ["staff@operator.example"]


def asks(account, amount=5_000):
    return approval.ask(account, "alice@alices.example", amount, "Orders", "Our shop")


def judged(account, bounced):
    now = timezone.now()
    figures = Figures(1_000, bounced, 1_000 - bounced)
    ladder.judge(account.pk, figures, Figures(), now, now - ladder.WINDOW)


def subjects():
    staff_notices.send_due()
    return [message.subject for message in mail.outbox]


def test_of_a_request_with_its_words_and_a_link(settings):
    settings.DASHBOARD_URL = "https://mail.example.com"
    request = asks(AccountFactory(name="Alice's shop"))

    assert subjects() == ["Alice's shop asks for 5,000 recipients a day"]
    assert "Our shop" in mail.outbox[0].body
    assert f"https://mail.example.com/admin/accounts/rampuprequest/{request.pk}" in (
        mail.outbox[0].body
    )


def test_of_whoever_asks_again_and_again_once_a_day():
    account = AccountFactory()
    for amount in (5_000, 6_000):
        approval.withdraw(account, asks(account, amount).pk)

    assert len(subjects()) == 1


def test_of_an_account_that_comes_under_review_and_of_its_pause_but_of_no_lesser_step():
    account = AccountFactory(name="Alice")
    for bounced in (25, 45, 55, 60, 110):
        judged(account, bounced)

    assert subjects() == ["Alice is under review", "Alice is paused"]
    assert "55 bounces of 1,000 recipients" in mail.outbox[0].body


def test_of_nothing_twice():
    asks(AccountFactory())

    assert (len(subjects()), len(subjects())) == (1, 1)


def test_later_where_mail_cannot_be_sent(settings):
    asks(AccountFactory())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    sent = staff_notices.send_due()

    assert sent == 0
    assert StaffNotice.objects.get().due_at > timezone.now()


def test_all_who_may_decide_where_no_address_is_set(settings):
    settings.STAFF_EMAIL = []
    UserFactory(email="viewer@operator.example", is_staff=True)
    UserFactory(email="gone@operator.example", is_staff=True, is_superuser=True, is_active=False)
    UserFactory(email="root@operator.example", is_staff=True, is_superuser=True)
    sam = UserFactory(email="sam@operator.example", is_staff=True)
    customer = UserFactory(email="alice@alices.example")
    for user in (sam, customer):
        user.user_permissions.add(Permission.objects.get(codename="approve_rampup"))
    asks(AccountFactory())

    subjects()

    assert {address for message in mail.outbox for address in message.to} == {
        "root@operator.example", "sam@operator.example",
    }  # fmt: skip


def test_of_an_account_whose_name_would_break_a_header():
    asks(AccountFactory(name="Alice\r\nBcc: all@x.example"))

    assert subjects() == ["Alice Bcc: all@x.example asks for 5,000 recipients a day"]
