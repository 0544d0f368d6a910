import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.authentication import rotate
from accounts.rest.authentication import secret_in


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


class TestSecrets:
    @pytest.mark.parametrize(
        ("header", "secret"),
        [
            ("Bearer abc", "abc"),
            ("bearer  abc ", "abc"),
            (basic("anybody:abc"), "abc"),
            (basic(":abc"), "abc"),
            (basic("a:b:c"), "b:c"),
            ("Basic !", ""),
            ("Basic", ""),
            (basic("abc"), ""),
            ("Basic " + base64.b64encode(b"a:\xff").decode(), ""),
            ("Digest abc", ""),
            ("abc", ""),
            ("", ""),
        ],
    )
    def test_a_header_presents_this_secret(self, header, secret):
        assert secret_in(header) == secret


class TestWhoMayCome:
    def test_the_secret_of_the_credential_opens(self, alice):
        assert alice.call("get", "account").status_code == 200

    def test_so_it_does_as_the_password_of_any_user(self, alice):
        header = basic(f"anybody:{alice.secret}")

        assert alice.call("get", "account", HTTP_AUTHORIZATION=header).status_code == 200

    def test_the_account_has_all_its_credentials(self, alice):
        _, another = alice.make()

        response = alice.call("get", "account", name=alice.account.public_id, secret=another)

        assert response.json()["id"] == alice.account.public_id

    def test_a_credential_has_its_own_secret_only(self, alice):
        _, another = alice.make()

        assert alice.call("get", "account", secret=another).status_code == 401

    @pytest.mark.parametrize("by_account", [False, True])
    def test_a_secret_before_a_rotation_is_good_for_its_time(self, alice, by_account):
        name = alice.account.public_id if by_account else None
        rotate(alice.credential)
        assert alice.call("get", "account", name=name).status_code == 200

        alice.credential.previous_secret_until = timezone.now() - timedelta(seconds=1)
        alice.credential.save()
        assert alice.call("get", "account", name=name).status_code == 401

    @pytest.mark.parametrize("by_account", [False, True])
    def test_a_revoked_credential_opens_nothing(self, alice, by_account):
        name = alice.account.public_id if by_account else None
        alice.credential.revoked_at = timezone.now()
        alice.credential.save()

        assert alice.call("get", "account", name=name).status_code == 401

    def test_bobs_secret_does_not_open_alices_account(self, alice, bob):
        for name in (alice.credential.username, alice.account.public_id):
            assert bob.call("get", "account", name=name).status_code == 401

    def test_whatever_is_wrong_the_answer_is_the_same(self, alice):
        answers = [
            alice.call("get", "account", secret="wrong"),
            alice.call("get", "account", secret="\udcff"),
            alice.call("get", "account", name="f" * 16),
            alice.call("get", "account", name="%00"),
            alice.call("get", "account", name="x" * 2000),
            alice.call("get", "account", HTTP_AUTHORIZATION="Digest x"),
            alice.call("get", "account", HTTP_AUTHORIZATION=""),
        ]

        bodies = [answer.json() for answer in answers]
        for answer, body in zip(answers, bodies, strict=True):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="CloudMTA"'
            assert {**body, "request_id": ""} == {**bodies[0], "request_id": ""}

    def test_a_session_of_the_dashboard_opens_nothing(self, alice, django_user_model):
        person = django_user_model.objects.create_superuser("staff@people.example", "x")
        alice.client.force_login(person)

        assert alice.call("get", "account", HTTP_AUTHORIZATION="").status_code == 401


class TestLastUse:
    def test_it_is_noted_with_address_and_program(self, alice):
        alice.call("get", "account", HTTP_USER_AGENT="curl\0/8" + "x" * 300, REMOTE_ADDR="::1")

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_at is not None
        assert alice.credential.last_used_from == "::1"
        assert alice.credential.last_used_by == ("curl/8" + "x" * 300)[:200]

    def test_it_is_noted_once_a_minute(self, alice, django_assert_num_queries):
        alice.call("get", "account")

        with django_assert_num_queries(1):  # the credential with its account
            alice.call("get", "account", HTTP_USER_AGENT="another")

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_by == ""

    def test_a_minute_later_it_is_noted_again(self, alice):
        alice.credential.last_used_at = timezone.now() - timedelta(seconds=61)
        alice.credential.save()

        alice.call("get", "account", HTTP_USER_AGENT="another")

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_by == "another"

    def test_without_an_address_it_is_noted_too(self, alice):
        alice.call("get", "account", REMOTE_ADDR="")

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_at is not None
        assert alice.credential.last_used_from is None

    @pytest.mark.parametrize(
        ("forwarded", "address"),
        [("203.0.113.1, 198.51.100.9", "198.51.100.9"), ("", "192.0.2.1"), ("nonsense", None)],
    )
    def test_behind_a_proxy_it_is_the_client_that_is_noted(
        self, alice, settings, forwarded, address
    ):
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

        alice.call("get", "account", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_from == address

    def test_a_wrong_secret_is_no_use(self, alice):
        alice.call("get", "account", secret="wrong")

        alice.credential.refresh_from_db()
        assert alice.credential.last_used_at is None
