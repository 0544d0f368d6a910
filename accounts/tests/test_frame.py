import pytest
from django.core.exceptions import PermissionDenied
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse

from accounts.models import Account, Membership
from accounts.views import account_required, current_membership
from messages.tests.factories import AccountFactory, UserFactory

HOME, SWITCH, THEME = reverse("message-list"), reverse("account-switch"), reverse("theme")
Role = Membership.Role


@pytest.fixture
def shop(db):
    return AccountFactory(name="Alice's shop")


@pytest.fixture
def alice(shop):
    return UserFactory(email="alice@alices.example", account=shop)


def asks(user, method="get", **session):
    request = getattr(RequestFactory(), method)("/")
    request.user, request.session = user, session
    return request


class TestRoles:
    @pytest.mark.parametrize("needed", Role)
    @pytest.mark.parametrize("held", Role)
    def test_each_may_do_what_those_below_may(self, held, needed):
        order = [Role.OWNER, Role.ADMIN, Role.DEVELOPER, Role.VIEWER]

        assert Membership(role=held).may(needed) == (order.index(held) <= order.index(needed))

    def test_who_has_the_role_gets_the_account(self, alice, shop):
        view = account_required(role=Role.ADMIN)(lambda request, account: account)

        assert view(asks(alice)) == shop

    def test_who_has_less_is_told_what_it_takes(self, shop):
        bob = UserFactory()
        shop.membership_set.create(user=bob, role=Role.VIEWER)
        view = account_required(role=Role.DEVELOPER)(lambda request, account: account)

        with pytest.raises(PermissionDenied, match="takes the role developer .* yours is viewer"):
            view(asks(bob))


class TestSwitch:
    @pytest.fixture
    def second(self, alice):
        second = AccountFactory(name="Second")
        second.membership_set.create(user=alice, role=Role.VIEWER)
        return second

    def test_it_changes_what_all_pages_show(self, client, alice, second):
        client.force_login(alice)

        assert client.post(SWITCH, {"account": second.public_id}).headers["Location"] == "/"
        assert client.get(HOME).context["account"] == second

    def test_an_account_of_somebody_else_is_not_found(self, client, alice, shop):
        client.force_login(alice)
        others = AccountFactory(name="Bob's")

        assert client.post(SWITCH, {"account": others.public_id}).status_code == 404
        assert client.get(HOME).context["account"] == shop

    def test_who_was_removed_is_back_in_an_own_account(self, alice, shop, second):
        second.membership_set.all().delete()

        assert current_membership(asks(alice, account=second.public_id)).account == shop

    def test_a_link_does_not_switch(self, client, alice):
        client.force_login(alice)

        assert client.get(SWITCH).status_code == 405

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, shop):
        response = client.post(SWITCH, {"account": shop.public_id})

        assert response.headers["Location"].startswith(reverse("log-in"))


class TestHealth:
    @pytest.mark.parametrize(
        ("fields", "word"),
        [
            ({}, "in good standing"),
            ({"is_test": True}, "test mode"),
            ({"suspended_for": "Too many bounces", "is_test": True}, "suspended"),
        ],
    )
    def test_it_is_a_word_on_every_page(self, client, alice, shop, fields, word):
        Account.objects.filter(pk=shop.pk).update(**fields)
        client.force_login(alice)

        assert f"</span> {word}</span>" in client.get(HOME).content.decode()


class TestNavigation:
    def test_it_marks_the_page_that_is_shown(self, client, alice):
        client.force_login(alice)

        page = client.get(HOME).content.decode()

        assert f'<a href="{HOME}" aria-current="page">' in page

    def test_only_staff_sees_the_way_to_the_admin(self, client, alice):
        client.force_login(alice)
        assert "Administration" not in client.get(HOME).content.decode()

        client.force_login(UserFactory(account=AccountFactory(), is_staff=True))
        assert "Administration" in client.get(HOME).content.decode()


class TestTheme:
    def test_it_is_remembered_and_comes_back_to_the_page(self, client, alice):
        client.force_login(alice)

        response = client.post(THEME, {"theme": "dark", "next": "/messages/x/"})

        assert response.headers["Location"] == "/messages/x/"
        assert 'data-bs-theme="dark"' in client.get(HOME).content.decode()

    @pytest.mark.parametrize("theme", ["", '"><script>', "blue"])
    def test_anything_else_follows_the_system(self, client, alice, theme):
        client.force_login(alice)
        client.post(THEME, {"theme": "dark"})
        client.post(THEME, {"theme": theme})

        assert "data-bs-theme" not in client.get(HOME).content.decode()

    @pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:1"])
    def test_it_leads_nowhere_else(self, client, address):
        assert client.post(THEME, {"next": address}).headers["Location"] == "/"


class TestParts:
    def test_an_unknown_icon_is_a_fault_of_the_template(self):
        with pytest.raises(Exception, match="No icon 'nothing'"):
            render('{% icon "nothing" %}')

    def test_a_copyable_value_is_text(self):
        page = render('{% copyable value "the key" %}', value='"><script>alert(1)</script>')

        assert "<script>" not in page
        assert 'aria-label="Copy the key"' in page

    def test_a_chart_carries_its_numbers_as_a_table(self):
        data = {
            "type": "bar",
            "labels": ["Mon", "</script><script>alert(1)</script>"],
            "series": [{"name": "delivered", "values": [5, None], "tone": "good"}],
        }

        page = render('{% chart "volume" "Volume" data %}', data=data)

        assert '<th scope="row">Mon</th><td>5</td>' in page
        assert "<td>–</td>" in page
        assert "<script>" not in page


def render(text, **context):
    return Template("{% load frame %}" + text).render(Context(context))
