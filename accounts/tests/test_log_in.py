import pytest
from django.urls import reverse

from messages.tests.factories import PASSWORD, AccountFactory, UserFactory

LOG_IN, LOG_OUT, HOME = reverse("log-in"), reverse("log-out"), reverse("overview")


@pytest.fixture
def alice(db):
    return UserFactory(email="alice@alices.example", account=AccountFactory(name="Alice's shop"))


def logs_in(client, email="alice@alices.example", password=PASSWORD, **more):
    return client.post(LOG_IN, {"login": email, "password": password, **more})


class TestLogIn:
    def test_it_asks_for_address_and_password(self, client, db):
        page = client.get(LOG_IN).content.decode()

        assert 'type="email"' in page
        assert 'type="password"' in page

    def test_it_leads_to_the_messages_of_the_account(self, client, alice):
        assert logs_in(client).headers["Location"] == HOME

        assert "Alice&#x27;s shop" in client.get(HOME).content.decode()

    def test_it_leads_back_to_the_page_that_was_asked_for(self, client, alice):
        assert logs_in(client, next="/messages/x/").headers["Location"] == "/messages/x/"

    @pytest.mark.parametrize(
        "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:1"]
    )
    def test_it_leads_nowhere_else(self, client, alice, elsewhere):
        assert logs_in(client, next=elsewhere).headers["Location"] == HOME

    def test_it_takes_the_address_in_any_case(self, client, alice):
        assert logs_in(client, email=" Alice@ALICES.example ").headers["Location"] == HOME

    @pytest.mark.parametrize(
        ("email", "password"),
        [("alice@alices.example", "wrong"), ("nobody@alices.example", PASSWORD)],
    )
    def test_it_does_not_say_what_was_wrong(self, client, alice, email, password):
        page = logs_in(client, email, password).content.decode()

        assert "No user has this address and password." in page

    def test_it_refuses_a_user_who_is_switched_off(self, client, alice):
        alice.is_active = False
        alice.save()

        assert logs_in(client).headers["Location"] == reverse("account_inactive")

    def test_it_keeps_what_was_typed_but_the_password(self, client, alice):
        page = logs_in(client, '"><script>@alices.example', "typed in vain").content.decode()

        assert "&quot;&gt;&lt;script&gt;@alices.example" in page
        assert "<script>" not in page
        assert "typed in vain" not in page

    def test_who_is_logged_in_goes_on(self, client, alice):
        client.force_login(alice)

        assert client.get(LOG_IN).headers["Location"] == HOME


class TestLogOut:
    def test_it_ends_the_session(self, client, alice):
        client.force_login(alice)

        assert client.post(LOG_OUT).headers["Location"] == LOG_IN
        assert client.get(HOME).headers["Location"].startswith(LOG_IN)

    def test_a_link_does_not_log_out(self, client, alice):
        client.force_login(alice)

        assert client.get(LOG_OUT).status_code == 405
        assert client.get(HOME).status_code == 200


class TestAccount:
    def test_a_user_without_one_is_told_so(self, client, db):
        client.force_login(UserFactory(email="eve@people.example"))

        response = client.get(HOME)

        assert response.status_code == 403
        assert b"You belong to no account yet" in response.content

    def test_of_two_it_is_the_one_joined_first(self, client, alice):
        second = AccountFactory(name="Second")
        second.membership_set.create(user=alice, role="viewer")
        client.force_login(alice)

        assert client.get(HOME).context["account"].name == "Alice's shop"
