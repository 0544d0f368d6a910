"""Staff look as a customer: they see what a viewer sees, change nothing, and are seen."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts.looks import Look
from accounts.models import AuditEntry, Membership, User
from accounts.tests.addresses import addresses, filled
from accounts.tests.people import Shop, text_of
from messages.tests.factories import AccountFactory, MessageFactory, RecipientFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return Shop()


def member_of_staff(*permissions, email="sam@operator.example"):
    user = UserFactory(email=email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.fixture
def sam(client):
    user = member_of_staff("view_account", "view_as_customer")
    client.force_login(user)
    return user


def look_at(account):
    return reverse("admin:accounts_account_look", args=[account.pk])


def looks(client, shop):
    response = client.post(look_at(shop.account))
    assert response.headers["Location"] == "/"


class TestLook:
    def test_it_begins_after_a_question_and_the_account_has_it_in_its_history(
        self, client, sam, shop
    ):
        question = client.get(look_at(shop.account))
        assert not Look.objects.exists()
        looks(client, shop)

        assert "read only" in text_of(question)
        assert Look.objects.get().user == sam
        entry = AuditEntry.objects.get()
        assert (entry.account, entry.who, entry.user) == (shop.account, "staff", None)

    def test_it_shows_the_account_with_a_banner(self, client, sam, shop):
        message = MessageFactory(account=shop.account, subject="Your parcel")
        RecipientFactory(message=message)
        looks(client, shop)

        page = text_of(client.get(reverse("message-list")))

        assert "You look at Alice's shop as its customer does" in page.replace("&#x27;", "'")
        assert "Your parcel" in page

    def test_the_members_see_that_somebody_looks_until_it_ends(self, client, sam, shop):
        looks(client, shop)
        client.force_login(shop.viewer)
        during = text_of(client.get(reverse("team")))
        Look.objects.update(ends_at=timezone.now())
        after = text_of(client.get(reverse("team")))

        assert "Our staff look at this account just now" in during
        assert "Our staff look" not in after

    def test_it_shows_nothing_of_other_accounts(self, client, sam, shop):
        message = MessageFactory()
        looks(client, shop)

        assert client.get(reverse("message-detail", args=[message.id])).status_code == 404

    def test_it_does_not_show_what_messages_say(self, client, sam, shop):
        message = MessageFactory(
            account=shop.account, content=b"Subject: Reset\r\n\r\nkey-4711\r\n"
        )
        RecipientFactory(message=message)
        looks(client, shop)

        tell = ("preview", "html", "text", "headers", "attachments", "checks", "source")
        answers = [client.get(reverse(f"message-{one}", args=[message.id])) for one in tell]
        page = client.get(reverse("message-detail", args=[message.id]))

        assert {answer.status_code for answer in answers} == {403}
        assert page.status_code == 200
        assert b"key-4711" not in page.content

    def test_it_is_no_more_than_a_viewer(self, client, sam, shop):
        looks(client, shop)

        assert client.get(reverse("team-history")).status_code == 403

    def test_a_button_ends_it(self, client, sam, shop):
        looks(client, shop)
        client.post(reverse("look-end"))

        assert Look.objects.get().ends_at <= timezone.now()
        assert client.get(reverse("team")).status_code == 403  # sam has no account

    def test_it_ends_by_itself_and_a_form_sent_too_late_changes_nothing(self, client, sam, shop):
        own = Membership.objects.create(user=sam, account=AccountFactory(), role="owner").account
        looks(client, shop)
        Look.objects.update(ends_at=timezone.now() - timedelta(seconds=1))

        late = client.post(reverse("suppression-add"), {"address": "carol@example.net"})

        assert late.headers["Location"] == reverse("admin:index")
        assert not own.suppressions.exists()
        assert client.get(reverse("team")).status_code == 200  # their own again

    def test_it_ends_with_the_log_out(self, client, sam, shop):
        looks(client, shop)
        client.post(reverse("log-out"))

        assert Look.objects.get().ends_at <= timezone.now()

    def test_it_ends_where_the_permission_is_taken_away(self, client, sam, shop):
        looks(client, shop)
        sam.user_permissions.clear()

        assert client.get(reverse("team")).headers["Location"] == reverse("admin:index")

    def test_it_ends_with_the_account(self, client, sam, shop):
        looks(client, shop)
        shop.account.closed_at = timezone.now()
        shop.account.save()

        assert client.get(reverse("team")).headers["Location"] == reverse("admin:index")


class TestWhoMayNot:
    def test_staff_without_the_permission(self, client, shop):
        client.force_login(member_of_staff("view_account"))

        for answer in (client.get(look_at(shop.account)), client.post(look_at(shop.account))):
            assert answer.status_code == 403
        assert not Look.objects.exists()
        assert "Look as customer" not in text_of(
            client.get(reverse("admin:accounts_account_change", args=[shop.account.pk]))
        )

    def test_a_customer_of_another_account(self, client, shop):
        client.force_login(UserFactory())

        assert client.post(look_at(shop.account)).status_code in (302, 403)
        assert not Look.objects.exists()

    def test_a_customer_who_finds_the_number_of_a_look(self, client, shop):
        mallory = UserFactory()
        look = Look.objects.create(
            account=shop.account, user=member_of_staff("view_as_customer"),
            ends_at=timezone.now() + timedelta(hours=1),
        )  # fmt: skip
        client.force_login(mallory)
        session = client.session
        session["look"] = look.pk
        session.save()

        assert client.get(reverse("team")).headers["Location"] == reverse("admin:index")


OWN = {"look-end", "log-out", "account_logout", "theme"}
EVERYWHERE = sorted({filled(route) for name, route in addresses() if name not in OWN})


def test_nothing_is_sent_during_a_look(client, sam, shop):
    looks(client, shop)

    passed = [
        (method, address)
        for address in EVERYWHERE
        for method in ("post", "put", "patch", "delete")
        if getattr(client, method)(address).status_code != 403
    ]

    assert passed == []


def test_every_page_was_tried():
    assert "/suppressions/add/" in EVERYWHERE
    assert "/api/v0.1/x/messages" in EVERYWHERE
    assert len(EVERYWHERE) > 60


def test_two_of_staff_look_at_once_and_each_ends_their_own(client, sam, shop):
    looks(client, shop)
    client.force_login(member_of_staff("view_as_customer", email="tom@operator.example"))
    looks(client, shop)
    client.post(reverse("look-end"))

    assert Look.objects.filter(ends_at__gt=timezone.now()).get().user == sam
    assert User.objects.filter(looks__isnull=False).count() == 2
