"""Sign-up, confirmation, reset, second factors, sessions: at the pages that people use."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.urls import reverse

from accounts.models import Account, Membership, User
from accounts.tests.people import is_sure, link_in, text_of
from messages.tests.factories import PASSWORD, UserFactory

SIGN_UP, LOG_IN, RESET = (
    reverse("account_signup"), reverse("log-in"), reverse("account_reset_password"),
)  # fmt: skip
CAROL = {"email": "Carol@People.example", "password1": PASSWORD, "account_name": "Carol's"}


def logs_in(client, email="carol@people.example", password=PASSWORD):
    return client.post(LOG_IN, {"login": email, "password": password})


class TestSignUp:
    def test_it_makes_a_user_and_an_account_in_test_mode(self, client, db, mailoutbox):
        answer = client.post(SIGN_UP, CAROL, follow=True)

        assert "We have sent you a message with a link" in text_of(answer)
        membership = Membership.objects.get()
        assert membership.user.email == "carol@people.example"
        assert membership.role == Membership.Role.OWNER
        assert (membership.account.name, membership.account.is_test) == ("Carol's", True)

    def test_nobody_comes_in_before_the_address_is_confirmed(self, client, db, mailoutbox):
        client.post(SIGN_UP, CAROL)
        logs_in(client)
        assert "_auth_user_id" not in client.session

        client.post(link_in(mailoutbox[0]))
        logs_in(client)

        assert client.get(reverse("team")).context["account"].name == "Carol's"

    def test_a_link_that_was_followed_by_a_machine_confirms_nothing(self, client, db, mailoutbox):
        client.post(SIGN_UP, CAROL)

        assert "Is carol@people.example your address?" in text_of(
            client.get(link_in(mailoutbox[0]))
        )
        logs_in(client)

        assert "_auth_user_id" not in client.session

    def test_it_does_not_tell_who_has_a_user_already(self, client, db, mailoutbox):
        UserFactory(email="carol@people.example")

        answer = client.post(SIGN_UP, CAROL, follow=True)

        assert "We have sent you a message with a link" in text_of(answer)
        assert mailoutbox[0].subject == "You have a user already"
        assert not Account.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("email", "nobody", "Enter a valid email address"),
            ("password1", "12345678", "entirely numeric"),
            ("password1", "carol@people.example", "too similar"),
            ("account_name", "", "This field is required"),
        ],
    )
    def test_a_wrong_value_is_said_at_the_field(self, client, db, field, value, words):
        answer = client.post(SIGN_UP, CAROL | {field: value})

        assert words in text_of(answer)
        assert not User.objects.exists()

    def test_it_can_be_closed(self, client, db, settings):
        settings.SIGN_UP_OPEN = False

        assert "New users come by invitation" in text_of(client.get(SIGN_UP))
        client.post(SIGN_UP, CAROL)

        assert not User.objects.exists()

    def test_it_says_so_where_no_message_can_be_sent(self, client, db, settings):
        settings.EMAIL_BACKEND = "messages.own_mail.EmailBackend"

        answer = client.post(SIGN_UP, CAROL)

        assert answer.status_code == 503
        assert "could not be sent: the sender of this service is not set up" in text_of(answer)


class TestReset:
    def test_a_link_leads_to_a_new_password(self, client, db, mailoutbox):
        UserFactory(email="carol@people.example")
        client.post(RESET, {"email": "carol@people.example"})

        page = client.get(link_in(mailoutbox[0]), follow=True)
        new = {"password1": "staple battery horse", "password2": "staple battery horse"}
        client.post(page.request["PATH_INFO"], new)

        assert logs_in(client, password="staple battery horse").headers["Location"] == "/"

    def test_a_stranger_is_told_the_same(self, client, db, mailoutbox):
        answer = client.post(RESET, {"email": "nobody@people.example"}, follow=True)

        assert "If a user has this address" in text_of(answer)
        assert mailoutbox[0].subject == "No user has this address"

    def test_a_damaged_link_says_what_to_do(self, client, db):
        answer = client.get("/password/reset/1-set-password/", follow=True)

        assert "Ask for a new one" in text_of(answer)


class TestThrottle:
    def test_guessing_ends(self, client, db):
        UserFactory(email="carol@people.example")
        for _ in range(6):
            answer = logs_in(client, password="wrong")

        assert "was tried too often" in text_of(answer)
        assert "was tried too often" in text_of(logs_in(client))


class TestSecondFactor:
    @pytest.fixture
    def carol(self, client, db):
        carol = UserFactory(email="carol@people.example")
        logs_in(client)
        is_sure(client)
        return carol

    def sets_up(self, client, carol):
        """Set up an app, and return its secret."""
        page = client.get(reverse("mfa_activate_totp"))
        secret = page.context["form"].secret
        client.post(reverse("mfa_activate_totp"), {"code": code(secret)})
        return secret

    def test_it_is_asked_for_at_the_log_in(self, client, carol):
        secret = self.sets_up(client, carol)
        client.post(reverse("log-out"))

        assert logs_in(client).headers["Location"] == reverse("mfa_authenticate")
        assert "_auth_user_id" not in client.session
        Authenticator.objects.update(last_used_at=None)
        client.post(reverse("mfa_authenticate"), {"code": code(secret, later=1)})

    def test_it_is_set_up_where_no_message_can_be_sent(self, client, carol, settings):
        settings.EMAIL_BACKEND = "messages.own_mail.EmailBackend"

        self.sets_up(client, carol)

        assert Authenticator.objects.filter(user=carol, type=Authenticator.Type.TOTP).exists()

    def test_the_key_is_encrypted_at_rest(self, client, carol):
        secret = self.sets_up(client, carol)

        assert secret not in str(Authenticator.objects.values_list("data"))

    def test_a_wrong_code_says_what_to_do(self, client, carol):
        client.get(reverse("mfa_activate_totp"))

        answer = client.post(reverse("mfa_activate_totp"), {"code": "000000"})

        assert "the clock of the phone must be right" in text_of(answer)

    def test_setting_one_up_asks_for_the_password_first(self, client, db):
        client.force_login(UserFactory(email="carol@people.example"))

        answer = client.get(reverse("mfa_activate_totp"))

        assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def code(secret, later=0):
    """The code that an app shows now."""
    counters = list(totp.yield_hotp_counters_from_time())
    return totp.format_hotp_value(totp.hotp_value(secret, counters[0] + later))


class TestStaff:
    ADMIN = reverse("admin:index")

    @pytest.fixture(autouse=True)
    def strict(self, settings):
        settings.STAFF_TWO_FACTOR = True

    def test_who_is_logged_out_goes_to_the_log_in_of_all(self, client, db):
        answer = client.get(self.ADMIN, follow=True)

        assert answer.redirect_chain[-1][0] == f"{LOG_IN}?next={self.ADMIN}"

    def test_staff_without_a_second_factor_is_sent_to_set_one_up(self, client, db):
        client.force_login(UserFactory(is_staff=True, is_superuser=True))

        answer = client.get(self.ADMIN, follow=True)

        assert answer.redirect_chain[-1][0] == reverse("mfa_index")
        assert "Staff needs a second factor" in text_of(answer)

    def test_staff_with_one_comes_in(self, client, db):
        staff = UserFactory(is_staff=True, is_superuser=True)
        Authenticator.objects.create(user=staff, type=Authenticator.Type.TOTP, data={})
        client.force_login(staff)

        assert client.get(self.ADMIN).status_code == 200

    def test_others_do_not(self, client, db):
        client.force_login(UserFactory())

        answer = client.get(self.ADMIN, follow=True)

        assert answer.status_code == 403
        assert "Only staff of the service" in text_of(answer)


OWN_PAGES = [
    "account_email", "account_change_password", "mfa_index", "mfa_list_webauthn",
    "usersessions_list",
]  # fmt: skip
SURE_PAGES = ["mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes"]


class TestPages:
    @pytest.mark.parametrize("name", OWN_PAGES + SURE_PAGES)
    def test_each_stands_in_the_frame_for_who_is_logged_in(self, client, db, name):
        client.force_login(UserFactory())
        is_sure(client)

        answer = client.get(reverse(name), follow=True)

        assert answer.status_code == 200
        assert 'class="sidebar"' in answer.content.decode()

    @pytest.mark.parametrize("name", OWN_PAGES + SURE_PAGES)
    def test_none_opens_to_who_is_logged_out(self, client, db, name):
        assert client.get(reverse(name)).headers["Location"].startswith(LOG_IN)
