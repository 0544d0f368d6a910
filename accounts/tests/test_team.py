import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import invitations, team
from accounts.models import Account, AuditEntry, Invitation, Membership
from accounts.tests.people import Role, Shop, link_in, text_of
from messages.tests.factories import PASSWORD, AccountFactory, UserFactory

TEAM, INVITE, HISTORY = reverse("team"), reverse("team-invite"), reverse("team-history")


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def alice(client, shop):
    client.force_login(shop.alice)
    return client


def page_of(shop, user, name):
    return reverse(name, args=[shop.membership(user).pk])


class TestPage:
    def test_it_lists_members_and_what_each_may_do(self, alice, shop):
        page = text_of(alice.get(TEAM))

        assert "alice@alices.example (you)" in page
        assert "dave@alices.example" in page
        assert "Invite somebody" in page

    def test_a_viewer_sees_it_and_can_change_nothing(self, client, shop):
        client.force_login(shop.viewer)
        page = client.get(TEAM).content.decode()

        assert "Invite somebody" not in page
        assert "<select" not in page
        assert reverse("team-history") not in page

    def test_the_number_of_queries_does_not_grow(self, alice, shop, django_assert_num_queries):
        for number in range(20):
            shop.joins(f"more{number}@alices.example", Role.VIEWER)

        # Session, user, memberships, members, invitations, today's volume.
        with django_assert_num_queries(6):
            alice.get(TEAM)


class TestRoles:
    def test_an_owner_gives_another_role(self, alice, shop):
        alice.post(page_of(shop, shop.viewer, "team-role"), {"role": "developer"})

        assert shop.membership(shop.viewer).role == Role.DEVELOPER
        assert str(AuditEntry.objects.get()) == (
            "alice@alices.example made developer dave@alices.example"
        )

    def test_the_last_owner_cannot_become_less(self, alice, shop):
        answer = alice.post(page_of(shop, shop.alice, "team-role"), {"role": "viewer"}, follow=True)

        assert "is the only owner of Alice&#x27;s shop" in text_of(answer)
        assert shop.membership(shop.alice).role == Role.OWNER
        assert not AuditEntry.objects.exists()

    def test_one_of_two_owners_can(self, shop):
        second = shop.joins("erin@alices.example", Role.OWNER)
        team.change_role(shop.membership(shop.alice), Role.ADMIN)

        assert shop.membership(second).role == Role.OWNER
        with pytest.raises(team.NotPossible):
            team.change_role(shop.membership(second), Role.ADMIN)

    @pytest.mark.parametrize("role", ["", "king", "OWNER"])
    def test_there_are_no_other_roles(self, alice, shop, role):
        answer = alice.post(page_of(shop, shop.viewer, "team-role"), {"role": role})

        assert answer.status_code == 404


class TestRemove:
    def test_an_owner_is_asked_and_removes_a_member(self, alice, shop):
        address = page_of(shop, shop.viewer, "team-remove")

        assert "Remove dave@alices.example?" in text_of(alice.get(address))
        alice.post(address)

        assert not shop.account.membership_set.filter(user=shop.viewer).exists()
        assert AuditEntry.objects.get().verb == "removed"

    def test_anybody_may_leave(self, client, shop):
        client.force_login(shop.viewer)

        answer = client.post(page_of(shop, shop.viewer, "team-remove"), follow=True)

        assert "You belong to no account yet" in text_of(answer)

    def test_a_viewer_removes_nobody_else(self, client, shop):
        client.force_login(shop.viewer)

        assert client.post(page_of(shop, shop.developer, "team-remove")).status_code == 403
        assert shop.membership(shop.developer)

    def test_the_last_owner_cannot_leave(self, alice, shop):
        answer = alice.post(page_of(shop, shop.alice, "team-remove"), follow=True)

        assert "is the only owner" in text_of(answer)
        assert shop.membership(shop.alice)
        assert not AuditEntry.objects.exists()


class TestInvitation:
    @pytest.fixture
    def invitation(self, shop):
        return invitations.invite(shop.account, "carol@people.example", Role.ADMIN, shop.alice)

    @pytest.fixture
    def address(self, invitation):
        return reverse("invitation", args=[invitations.token(invitation)])

    def test_it_goes_out_with_a_link(self, alice, shop, mailoutbox):
        alice.post(INVITE, {"email": "Carol@People.example", "role": "admin"})

        (message,) = mailoutbox
        assert message.to == ["carol@people.example"]
        assert message.subject == "alice@alices.example invites you to Alice's shop"
        assert invitations.find(link_in(message).split("/")[2]).email == "carol@people.example"
        assert "carol@people.example" in text_of(alice.get(TEAM))

    def test_who_has_a_user_logs_in_and_joins(self, client, shop, address):
        UserFactory(email="carol@people.example", account=AccountFactory(name="Own"))
        assert "Alice&#x27;s shop" in text_of(client.get(address))

        client.post(
            f"{reverse('log-in')}?next={address}",
            {"login": "carol@people.example", "password": PASSWORD, "next": address},
        )
        client.post(address)

        assert client.get(TEAM).context["account"] == shop.account
        assert client.get(TEAM).context["membership"].role == Role.ADMIN
        assert str(AuditEntry.objects.get()) == "carol@people.example joined"

    def test_who_has_none_signs_up_without_confirming_and_without_an_account(
        self, client, shop, address, mailoutbox
    ):
        client.get(address)
        page = client.get(f"{reverse('account_signup')}?email=carol@people.example")
        assert "Name of the account" not in text_of(page)

        client.post(
            reverse("account_signup"),
            {"email": "carol@people.example", "password1": PASSWORD, "next": address},
        )
        client.post(address)

        assert client.get(TEAM).context["account"] == shop.account
        assert Account.objects.count() == 1
        assert mailoutbox == []

    def test_another_address_must_be_confirmed(self, client, shop, address, mailoutbox):
        client.get(address)

        client.post(
            reverse("account_signup"), {"email": "mallory@people.example", "password1": PASSWORD}
        )

        assert mailoutbox[0].to == ["mallory@people.example"]
        assert "_auth_user_id" not in client.session

    def test_nobody_else_can_accept_it(self, client, shop, address):
        client.force_login(UserFactory(email="mallory@people.example"))

        page = text_of(client.post(address))

        assert "You are logged in as mallory@people.example" in page
        assert shop.account.membership_set.count() == 4

    @pytest.mark.parametrize("end", ["accepted_at", "revoked_at", "expires_at"])
    def test_it_is_over_when_it_is(self, client, shop, invitation, address, end):
        Invitation.objects.filter(pk=invitation.pk).update(**{end: timezone.now()})
        client.force_login(UserFactory(email="carol@people.example"))

        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
        assert shop.account.membership_set.count() == 4

    @pytest.mark.parametrize("token", ["1", "MQ:abc", "x" * 300, "%00"])
    def test_a_forged_link_is_over(self, client, db, token):
        assert client.get(f"/invitation/{token}/").status_code == 404

    def test_a_second_one_ends_the_first(self, shop, invitation):
        second = invitations.invite(shop.account, "carol@people.example", Role.VIEWER, shop.alice)

        assert list(shop.account.invitations.open()) == [second]

    def test_it_is_accepted_once(self, shop, invitation):
        carol = UserFactory(email="carol@people.example")

        assert invitations.accept(invitation, carol)
        assert not invitations.accept(invitation, carol)

    def test_it_can_be_taken_back(self, alice, shop, invitation, address):
        alice.post(reverse("team-revoke", args=[invitation.pk]))

        assert alice.get(address).status_code == 404

    def test_a_member_is_not_invited(self, alice, shop, mailoutbox):
        answer = alice.post(INVITE, {"email": "DAVE@alices.example", "role": "admin"}, follow=True)

        assert "is a member already" in text_of(answer)
        assert mailoutbox == []

    @pytest.mark.parametrize("email", ["", "nobody", "a@b\nBcc: c@d.example"])
    def test_no_address_is_no_invitation(self, alice, shop, mailoutbox, email):
        answer = alice.post(INVITE, {"email": email, "role": "admin"}, follow=True)

        assert "Nobody was invited" in text_of(answer)
        assert mailoutbox == []

    def test_what_cannot_be_sent_is_none(self, alice, shop, settings):
        settings.EMAIL_BACKEND = "messages.own_mail.EmailBackend"

        answer = alice.post(INVITE, {"email": "carol@people.example", "role": "admin"}, follow=True)

        assert "the sender of this service is not set up" in text_of(answer)
        assert not Invitation.objects.exists()
        assert not AuditEntry.objects.exists()


class TestHistory:
    def test_it_pages_by_key_and_shows_what_strangers_write_as_text(self, alice, shop):
        AuditEntry.objects.bulk_create(
            AuditEntry(account=shop.account, who="x@y.example", verb="named", thing=f"<b>{n}</b>")
            for n in range(60)
        )

        first = alice.get(HISTORY)
        second = alice.get(HISTORY + first.context["older"])

        assert "&lt;b&gt;59&lt;/b&gt;" in first.content.decode()
        assert len(first.context["entries"]) == 50
        assert [entry.thing for entry in second.context["entries"]][-1] == "<b>0</b>"

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 40])
    def test_it_knows_no_page_before_what_is_no_number(self, alice, before):
        assert alice.get(HISTORY, {"before": before}).status_code == 404


def everything(shop):
    """Each address of the team, its method, and the least role."""
    invitation = invitations.invite(shop.account, "x@people.example", Role.VIEWER, shop.alice)
    return [
        ("get", TEAM, Role.VIEWER),
        ("get", HISTORY, Role.ADMIN),
        ("post", INVITE, Role.OWNER),
        ("post", reverse("team-revoke", args=[invitation.pk]), Role.OWNER),
        ("post", page_of(shop, shop.alice, "team-role"), Role.OWNER),
        ("post", page_of(shop, shop.alice, "team-remove"), Role.OWNER),
        ("get", page_of(shop, shop.alice, "team-remove"), Role.OWNER),
    ]


class TestAccess:
    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, shop):
        for method, address, _ in everything(shop):
            answer = getattr(client, method)(address)
            assert answer.headers["Location"].startswith(reverse("log-in")), address

    def test_a_smaller_role_is_told_so(self, client, shop):
        people = {
            Role.VIEWER: shop.viewer, Role.DEVELOPER: shop.developer, Role.ADMIN: shop.admin,
        }  # fmt: skip
        for role, user in people.items():
            client.force_login(user)
            for method, address, least in everything(shop):
                answer = getattr(client, method)(address)
                assert (answer.status_code == 403) is not Membership(role=role).may(least), address

    def test_bob_finds_nothing_of_it(self, client, shop):
        client.force_login(UserFactory(account=AccountFactory(name="Bob's")))
        for method, address, _ in everything(shop):
            if address not in (TEAM, HISTORY, INVITE):
                assert getattr(client, method)(address, {"role": "owner"}).status_code == 404
        assert "alices.example" not in text_of(client.get(TEAM))
        assert shop.account.membership_set.count() == 4


class TestNewAccount:
    def test_it_begins_in_test_mode_and_is_looked_at(self, alice, shop):
        alice.post(reverse("account-new"), {"name": "Second"})

        account = alice.get(TEAM).context["account"]
        assert (account.name, account.is_test) == ("Second", True)
        assert alice.get(TEAM).context["membership"].role == Role.OWNER

    def test_it_has_a_name(self, alice, shop):
        answer = alice.post(reverse("account-new"), {"name": " "})

        assert "This field is required" in text_of(answer)
        assert Account.objects.count() == 1
