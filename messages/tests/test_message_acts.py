"""What members do to a message: cancel it, and send it again."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests.people import Shop, text_of
from domains.models import Domain
from events.models import Suppression
from messages.models import Content, IncomingReport, Message, Recipient, State
from messages.tests.factories import (
    AccountFactory,
    MessageFactory,
    RecipientFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LETTER = (
    b"Received: from x by mta;\r\n Sun, 22 Nov 2026 12:00:00 +0000\r\n"
    b"From: Shop <shop@alices.example>\r\nTo: carol@example.net\r\nSubject: Receipt\r\n"
    b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <old@alices.example>\r\n\r\nHello\r\n"
)


@pytest.fixture
def shop():
    shop = Shop()
    Domain.objects.create(account=shop.account, name="alices.example", verified_at=timezone.now())
    return shop


@pytest.fixture
def developer(client, shop):
    client.force_login(shop.developer)
    return client


@pytest.fixture
def message(shop):
    return MessageFactory(account=shop.account, content=LETTER, tags=["shop"], metadata={"a": 1})


def to(message, address, state=State.DELIVERED, **fields):
    return RecipientFactory(message=message, address=address, state=state, **fields)


class TestCancel:
    def test_what_waits_is_taken_back_and_what_left_is_not(self, developer, message):
        waits = to(message, "carol@example.net", State.DEFERRED)
        gone = to(message, "dave@example.net")
        address = reverse("message-cancel", args=[message.id])

        assert "cannot be taken back" in text_of(developer.get(address))
        page = text_of(developer.post(address, follow=True))

        assert "Cancelled for 1 recipient." in page
        waits.refresh_from_db()
        gone.refresh_from_db()
        assert (waits.state, gone.state) == (State.CANCELLED, State.DELIVERED)
        assert AuditEntry.objects.get().thing == str(message.id)

    def test_where_nobody_waits_it_says_so_and_offers_nothing(self, developer, message):
        to(message, "dave@example.net")
        address = reverse("message-cancel", args=[message.id])

        page = developer.get(reverse("message-detail", args=[message.id])).content.decode()
        assert address not in page
        assert "Nothing was cancelled" in text_of(developer.post(address, follow=True))
        assert not AuditEntry.objects.exists()


class TestForget:
    @pytest.fixture
    def admin(self, client, shop):
        client.force_login(shop.admin)
        return client

    def address(self, message):
        return reverse("message-forget", args=[message.id])

    def test_the_content_goes_and_the_timeline_stays(self, admin, message):
        carol = to(message, "carol@example.net", State.BOUNCED)
        report = {"recipient": carol, "reverse_path": "", "size": 5, "content": b"Hello"}
        read = IncomingReport.objects.create(**report, digest=b"1", state="read")
        unread = IncomingReport.objects.create(**report, digest=b"2", state="unread")
        headers = reverse("message-headers", args=[message.id])
        assert self.address(message) in admin.get(headers).content.decode()

        assert "gone for good" in text_of(admin.get(self.address(message)))
        page = text_of(admin.post(self.address(message), follow=True))

        assert "The content is deleted." in page
        assert "carol@example.net" in page
        assert not Content.objects.exists()
        assert "The content is gone" in text_of(admin.get(headers))
        read.refresh_from_db()
        unread.refresh_from_db()
        assert (read.content, bytes(unread.content)) == (None, b"Hello")
        assert AuditEntry.objects.get().thing == str(message.id)

    def test_what_a_recipient_still_waits_for_stays(self, admin, message):
        to(message, "carol@example.net", State.DEFERRED)

        page = text_of(admin.post(self.address(message), follow=True))

        assert "Nothing was deleted" in page
        assert Content.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_another_message_keeps_its_own(self, admin, shop, message):
        other = MessageFactory(account=shop.account, content=LETTER)

        admin.post(self.address(message))

        assert Content.objects.get().message == other

    def test_developers_may_not(self, developer, message):
        assert developer.post(self.address(message)).status_code == 403
        assert Content.objects.exists()


class TestResend:
    def address(self, message):
        return reverse("message-resend", args=[message.id])

    def test_it_is_a_new_message_of_the_same_content_to_whom_was_chosen(self, developer, message):
        carol = to(message, "carol@example.net")
        to(message, "dave@example.net")

        response = developer.post(self.address(message), {"recipients": [carol.pk]})

        new = Message.objects.exclude(pk=message.pk).get()
        assert response.headers["Location"] == reverse("message-detail", args=[new.id])
        assert [one.address for one in new.recipients.all()] == ["carol@example.net"]
        assert (new.door, new.tags, new.metadata) == ("page", ["shop"], {"a": 1})
        content = bytes(Content.objects.get(message=new).data)
        assert content.count(b"Received:") == content.count(b"Date:") == 1
        assert b"<old@alices.example>" not in content
        assert b"22 Nov 2026" not in content
        assert content.endswith(b"\r\n\r\nHello\r\n")
        assert new.message_id_header == f"<{new.id}@alices.example>"
        assert AuditEntry.objects.get().thing == str(message.id)

    def test_who_is_suppressed_cannot_be_chosen(self, developer, shop, message):
        carol = to(message, "Carol@Example.net", State.BOUNCED)
        Suppression.objects.create(
            account=shop.account, address="carol@example.net", reason="bounce"
        )

        page = text_of(developer.get(self.address(message)))
        response = developer.post(self.address(message), {"recipients": [carol.pk]})

        assert "Carol@Example.net is on your suppression list (bounce)" in page
        assert response.status_code == 422
        assert Message.objects.count() == 1

    @pytest.mark.parametrize("chosen", [[], ["0"], ["x"]])
    def test_somebody_of_the_message_must_be_chosen(self, developer, message, chosen):
        to(message, "carol@example.net")
        stranger = RecipientFactory()

        for numbers in (chosen, [stranger.pk]):
            response = developer.post(self.address(message), {"recipients": numbers})
            assert response.status_code == 422
        assert Message.objects.exclude(account=stranger.account).count() == 1

    def test_what_no_door_would_take_is_not_taken_here(self, developer, message):
        Domain.objects.all().delete()
        carol = to(message, "carol@example.net")

        response = developer.post(self.address(message), {"recipients": [carol.pk]})

        assert response.status_code == 422
        assert "It was not taken: Sender domain alices.example" in text_of(response)
        assert Message.objects.count() == 1
        assert not AuditEntry.objects.exists()

    def test_a_test_stays_a_test(self, developer, shop):
        message = MessageFactory(account=shop.account, content=LETTER, is_test=True)
        carol = to(message, "carol@example.net")

        developer.post(self.address(message), {"recipients": [carol.pk]})

        assert Message.objects.exclude(pk=message.pk).get().is_test

    def test_without_its_content_nothing_can_be_sent(self, developer, shop):
        message = MessageFactory(account=shop.account)
        carol = to(message, "carol@example.net")

        assert "The content is gone" in text_of(developer.get(self.address(message)))
        developer.post(self.address(message), {"recipients": [carol.pk]})
        assert Message.objects.count() == 1


class TestSuppressed:
    def test_the_page_says_so_and_leads_to_the_list(self, developer, shop, message):
        to(message, "carol+a@example.net", State.BOUNCED)
        Suppression.objects.create(
            account=shop.account, address="carol+a@example.net", reason="bounce"
        )

        response = developer.get(reverse("message-detail", args=[message.id]))

        assert "on your suppression list (bounce): nothing more is sent" in text_of(response)
        link = f"{reverse('suppression-list')}?query=carol%2Ba%40example.net"
        assert link in response.content.decode()
        assert "carol+a@example.net" in text_of(developer.get(link))


class TestAccess:
    def acts(self, message):
        to(message, "carol@example.net", State.DEFERRED)
        return [
            reverse("message-cancel", args=[message.id]),
            reverse("message-resend", args=[message.id]),
        ]

    def test_a_viewer_may_do_none_of_it_and_is_offered_none(self, client, shop, message):
        client.force_login(shop.viewer)
        page = client.get(reverse("message-detail", args=[message.id])).content.decode()

        for address in self.acts(message):
            assert client.get(address).status_code == client.post(address).status_code == 403
            assert address not in page

    def test_another_account_finds_nothing(self, message):
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory()))

        for address in self.acts(message):
            assert bob.get(address).status_code == bob.post(address).status_code == 404
        assert Recipient.objects.get().state == State.DEFERRED

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, message):
        for address in self.acts(message):
            assert client.post(address).headers["Location"].startswith(reverse("log-in"))
