"""Who is told when a webhook fails, and when it is given up."""

from datetime import timedelta

import pytest

from accounts import notices
from accounts.models import Membership
from events import batches
from events.models import Webhook
from events.tests.posting_driver import happen, listen, pass_time, post_all
from events.tests.receivers import receiving
from messages.tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_gathering(monkeypatch):
    monkeypatch.setattr(batches, "GATHER", timedelta(0))


@pytest.fixture
def account():
    account = AccountFactory(name="Alice's <shop>")
    UserFactory(email="alice@people.example", account=account)
    viewer = UserFactory(email="viewer@people.example")
    Membership.objects.create(user=viewer, account=account, role=Membership.Role.VIEWER)
    UserFactory(email="bob@people.example", account=AccountFactory())
    return account


@pytest.fixture
def failing():
    with receiving(answer=lambda post: 500) as receiver:
        yield receiver


def fail(times):
    for _ in range(times):
        post_all()
        pass_time(minutes=6)


def test_the_account_is_told_once_at_ten_failures_in_a_row(account, failing, mailoutbox):
    listen(account, failing.url.replace("//", "//user:secret@"))
    happen(account, 1000)
    fail(7)  # the breaker lets three through at first, then one at a time
    assert Webhook.objects.get().failures == 9
    notices.send_due()
    assert mailoutbox == []

    fail(3)
    notices.send_due()
    notices.send_due()

    (mail,) = mailoutbox
    assert mail.to == ["alice@people.example"]
    assert mail.subject == "A webhook fails"
    assert "Alice's <shop>" in mail.body
    assert "The endpoint answered 500" in mail.body
    assert "secret" not in mail.body


def test_after_five_days_of_failures_it_is_disabled_and_told(account, failing, mailoutbox):
    webhook, _ = listen(account, failing.url)
    happen(account)
    post_all()
    pass_time(days=4, hours=23)
    post_all()
    webhook.refresh_from_db()
    assert webhook.is_enabled

    pass_time(days=1)
    post_all()
    notices.send_due()

    webhook.refresh_from_db()
    assert not webhook.is_enabled
    assert webhook.disabled_for == "Every post has failed for 5 days"
    (mail,) = mailoutbox
    assert mail.subject == "A webhook was disabled"
    assert webhook.disabled_for in mail.body


def test_a_success_in_between_starts_the_days_again(account, failing):
    webhook, _ = listen(account, failing.url)
    happen(account)
    post_all()
    pass_time(days=4)
    failing.answer = lambda post: 204
    post_all()
    failing.answer = lambda post: 500
    happen(account)
    post_all()
    pass_time(days=4)
    post_all()

    webhook.refresh_from_db()
    assert webhook.is_enabled


def test_gone_disables_at_once(account, failing, mailoutbox):
    webhook, _ = listen(account, failing.url)
    failing.answer = lambda post: 410
    happen(account)
    post_all()
    happen(account)
    pass_time(days=1)
    post_all()
    notices.send_due()

    assert len(failing.refused) == 1
    assert "410 (Gone)" in mailoutbox[0].body
