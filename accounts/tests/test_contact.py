"""Customers write to staff on a page; staff answer in the admin; both are told by mail."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import contact, staff_notices
from accounts.models import Thread, ThreadEntry
from accounts.tests.people import Shop, link_in, text_of
from messages.tests.factories import AccountFactory, UserFactory

CONTACT = reverse("contact")
HOSTILE = "<script>alert(1)</script>"
QUESTION = {"subject": "More tags", "text": "May we have 30 tags?"}


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def sam(db):
    return UserFactory(email="sam@operator.example", is_staff=True, is_superuser=True)


@pytest.fixture
def thread(shop):
    return contact.ask(shop.account, shop.developer, "More tags", "May we have 30 tags?")


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(thread):
    return reverse("contact-thread", args=[thread.pk])


def in_admin(thread):
    return reverse("admin:accounts_thread_change", args=[thread.pk])


def answers(client, thread, text, button="answer", seen=None):
    """What the form on the page of a thread sends, as it was read just now."""
    seen = thread.entries.latest("id").pk if seen is None else seen
    url = reverse("admin:accounts_thread_answer", args=[thread.pk])
    return client.post(url, {"text": text, "seen": seen, button: "yes"}, follow=True)


class TestAsking:
    def test_a_question_reaches_staff_by_mail_and_in_the_admin(self, shop, sam):
        response = logged_in(shop.viewer).post(CONTACT, QUESTION, follow=True)
        staff_notices.send_due()

        (message,) = mail.outbox
        assert "Our staff have it" in text_of(response)
        assert "May we have 30 tags?" in text_of(response)
        assert message.to == ["sam@operator.example"]
        assert message.subject == "Alice's shop asks: More tags"
        assert "May we have 30 tags?" in text_of(logged_in(sam).get(link_in(message)))

    def test_a_subject_adds_no_field_to_the_mail(self, shop, sam):
        logged_in(shop.alice).post(CONTACT, QUESTION | {"subject": "More\r\nBcc: x@y.example"})
        staff_notices.send_due()

        (message,) = mail.outbox
        assert "\n" not in message.subject
        assert message.recipients() == ["sam@operator.example"]

    def test_what_is_missing_is_said(self, shop):
        page = text_of(logged_in(shop.alice).post(CONTACT, {"subject": "", "text": ""}))

        assert page.count("This field is required.") == 2

    def test_an_account_writes_so_often_in_an_hour_and_no_more(self, shop, thread):
        for _ in range(contact.MOST - 1):
            contact.reply(thread, shop.developer, "Hello?")
        client = logged_in(shop.alice)

        refused = client.post(CONTACT, QUESTION), client.post(page_of(thread), {"text": "Hello?"})

        assert all("written 10 times within an hour" in text_of(one) for one in refused)
        # What was typed stays.
        assert "30 tags?" in text_of(refused[0])
        assert ">\nHello?</textarea>" in refused[1].content.decode()
        assert ThreadEntry.objects.count() == contact.MOST
        ThreadEntry.objects.update(created_at=timezone.now() - timedelta(hours=2))
        assert client.post(CONTACT, QUESTION).status_code == 302

    def test_answers_and_other_accounts_do_not_count(self, shop, sam, thread):
        other = AccountFactory()
        for _ in range(contact.MOST):
            contact.ask(other, UserFactory(account=other), "a", "b")
            contact.answer(thread, sam, "Wait.", seen=thread.entries.latest("id").pk)

        assert logged_in(shop.alice).post(CONTACT, QUESTION).status_code == 302


class TestAnswering:
    def test_an_answer_stands_on_the_page_and_is_mailed_to_who_asked(self, shop, sam, thread):
        response = answers(logged_in(sam), thread, "Yes, from today on.")

        (message,) = mail.outbox
        assert "is answered" in text_of(response)
        assert message.to == [shop.developer.email]
        assert "Yes, from today on." in message.body
        page = text_of(logged_in(shop.developer).get(link_in(message)))
        assert "✓ answered" in page
        assert "Our staff" in page
        assert "Yes, from today on." in page
        assert sam.email not in page

    def test_who_is_no_member_any_more_is_not_written_to(self, shop, sam, thread):
        shop.membership(shop.developer).delete()

        answers(logged_in(sam), thread, "Yes.")

        assert mail.outbox == []

    def test_a_reply_waits_again(self, shop, sam, thread):
        answers(logged_in(sam), thread, "Yes.", "answer_and_close")
        assert Thread.objects.get().state == "closed"

        logged_in(shop.developer).post(page_of(thread), {"text": "And 40?"})

        assert Thread.objects.get().state == "waiting"
        staff_notices.send_due()
        assert "And 40?" in mail.outbox[-1].body
        assert mail.outbox[-1].to == [sam.email]

    def test_it_can_be_closed_without_a_word(self, sam, thread):
        answers(logged_in(sam), thread, "", "close")

        assert Thread.objects.get().state == "closed"
        assert mail.outbox == []

    def test_what_the_customer_wrote_meanwhile_is_read_first(self, shop, sam, thread):
        seen = thread.entries.get().pk
        contact.reply(thread, shop.developer, "Never mind.")

        for button in ("answer", "close"):
            page = answers(logged_in(sam), thread, "Yes.", button, seen=seen)
            assert "wrote meanwhile" in text_of(page)
            assert "Never mind." in text_of(page)

        assert "Yes." in text_of(page)  # what was typed is still there
        assert thread.entries.count() == 2
        assert mail.outbox == []

    def test_where_no_mail_leaves_staff_are_told(self, sam, thread, settings):
        settings.EMAIL_BACKEND = "messages.own_mail.EmailBackend"

        page = text_of(answers(logged_in(sam), thread, "Yes."))

        assert "no mail could be sent" in page
        assert thread.entries.count() == 2

    def test_the_list_begins_with_who_waits_longest(self, shop, sam, thread):
        second = contact.ask(shop.account, shop.alice, "Second", "?")
        third = contact.ask(shop.account, shop.alice, "Third", "?")
        contact.answer(second, sam, "!", seen=second.entries.get().pk)

        page = text_of(logged_in(sam).get(reverse("admin:accounts_thread_changelist")))

        assert page.index("More tags") < page.index("Third")
        assert str(second) not in page
        assert third.state == "waiting"

    def test_staff_who_may_only_look_cannot_answer(self, thread):
        looks = UserFactory(is_staff=True)
        looks.user_permissions.add(Permission.objects.get(codename="view_thread"))
        client = logged_in(looks)

        assert "Send the answer" not in client.get(in_admin(thread)).content.decode()
        assert answers(client, thread, "Yes.").status_code == 403


class TestAccess:
    def test_members_of_the_account_read_it_and_nobody_else(self, shop, thread):
        bob = logged_in(UserFactory(account=AccountFactory(name="Bob's")))

        assert "More tags" in text_of(logged_in(shop.viewer).get(CONTACT))
        assert "More tags" not in text_of(bob.get(CONTACT))
        assert bob.get(page_of(thread)).status_code == 404
        assert bob.post(page_of(thread), {"text": "Hello"}).status_code == 404
        assert thread.entries.count() == 1

    def test_customers_do_not_answer_themselves(self, shop, thread):
        response = logged_in(shop.alice).get(in_admin(thread))

        assert response.headers["Location"].startswith(reverse("admin:login"))

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, thread):
        for address in (CONTACT, page_of(thread)):
            assert client.get(address).headers["Location"].startswith(reverse("log-in"))

    def test_what_somebody_writes_is_text(self, shop, sam):
        thread = contact.ask(shop.account, shop.alice, HOSTILE, HOSTILE)

        for client, address in ((logged_in(shop.alice), CONTACT),
                                (logged_in(shop.alice), page_of(thread)),
                                (logged_in(sam), in_admin(thread))):  # fmt: skip
            assert HOSTILE not in client.get(address).content.decode()

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 30])
    def test_it_knows_no_page_before_what_is_no_number(self, shop, before):
        assert logged_in(shop.alice).get(CONTACT, {"before": before}).status_code == 404
