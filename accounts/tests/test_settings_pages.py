import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry
from accounts.tests.people import Role, Shop, is_sure, text_of
from messages.tests.factories import AccountFactory, UserFactory

SETTINGS, DELETE = reverse("settings"), reverse("settings-delete")
GOOD = {"name": "Renamed", "content_days": 0, "message_days": 30, "event_days": 90}


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def alice(client, shop):
    client.force_login(shop.alice)
    return client


class TestAccountSettings:
    def test_an_admin_changes_them_and_it_is_written_down(self, client, shop):
        client.force_login(shop.admin)

        client.post(SETTINGS, GOOD)

        account = Account.objects.get()
        assert (account.name, account.content_days, account.event_days) == ("Renamed", 0, 90)
        assert AuditEntry.objects.get().thing.startswith("name of the account, days that contents")

    def test_what_did_not_change_is_not_written_down(self, alice, shop):
        same = {name: getattr(shop.account, name) for name in GOOD}

        alice.post(SETTINGS, same)

        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("content_days", 366, "less than or equal to 365"),
            ("content_days", -1, "greater than or equal to 0"),
            ("message_days", 6, "greater than or equal to 7"),
            ("event_days", 5000, "less than or equal to 1100"),
            ("content_days", "soon", "Enter a whole number"),
            ("content_days", 200, "Keep messages at least as long as their contents"),
            ("name", "", "This field is required"),
        ],
    )
    def test_a_wrong_value_is_said_at_the_field_and_nothing_changes(
        self, alice, shop, field, value, words
    ):
        answer = alice.post(SETTINGS, GOOD | {field: value})

        assert words in text_of(answer)
        assert Account.objects.get().name == "Alice's shop"

    def test_who_may_not_change_them_sees_them(self, client, shop):
        client.force_login(shop.developer)

        assert "Days that contents are kept 30" in text_of(client.get(SETTINGS))
        assert client.post(SETTINGS, GOOD).status_code == 403


class TestSecondFactor:
    def test_who_has_none_is_sent_to_set_one_up(self, alice, shop):
        alice.post(SETTINGS, GOOD | {"requires_two_factor": "on"})

        answer = alice.get(reverse("team"))
        assert answer.headers["Location"] == reverse("mfa_index")
        assert "asks every member for a second factor" in text_of(alice.get(reverse("mfa_index")))

    def test_another_account_of_the_same_user_is_open(self, alice, shop):
        Account.objects.update(requires_two_factor=True)
        other = AccountFactory(name="Open")
        other.membership_set.create(user=shop.alice, role=Role.VIEWER)

        alice.post(reverse("account-switch"), {"account": other.public_id})

        assert alice.get(reverse("team")).status_code == 200


class TestTimeZone:
    def test_pages_show_times_in_it(self, alice, shop):
        alice.post(reverse("time-zone"), {"time_zone": "Asia/Tokyo"})
        alice.post(SETTINGS, GOOD)

        assert "JST" in text_of(alice.get(reverse("team-history")))

    @pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd"])
    def test_there_are_no_others(self, alice, shop, zone):
        answer = alice.post(reverse("time-zone"), {"time_zone": zone}, follow=True)

        assert "No such time zone is known" in text_of(answer)
        shop.alice.refresh_from_db()
        assert shop.alice.time_zone == "UTC"


class TestDelete:
    @pytest.fixture
    def sure(self, client, shop):
        """Alice, who has given her password just now."""
        client.force_login(shop.alice)
        is_sure(client)
        return client

    def test_the_name_ends_it(self, sure, shop):
        credential = shop.account.credentials.create(name="Shop")

        answer = sure.post(DELETE, {"name": "Alice's shop"}, follow=True)

        account = Account.objects.get()
        credential.refresh_from_db()
        assert "You belong to no account yet" in text_of(answer)
        assert account.closed_at and account.suspended_for
        assert credential.revoked_at
        assert not account.membership_set.exists()

    def test_another_name_ends_nothing(self, sure, shop):
        answer = sure.post(DELETE, {"name": "Alices shop"})

        assert "This is not its name" in text_of(answer)
        assert Account.objects.get().closed_at is None

    def test_it_asks_for_the_password_first(self, alice, shop):
        answer = alice.post(DELETE, {"name": "Alice's shop"})

        assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
        assert Account.objects.get().closed_at is None

    def test_an_admin_cannot(self, client, shop):
        client.force_login(shop.admin)

        assert client.get(DELETE).status_code == 403


class TestAccess:
    @pytest.mark.parametrize("address", [SETTINGS, DELETE])
    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, db, address):
        assert client.get(address).headers["Location"].startswith(reverse("log-in"))

    def test_bob_sees_his_own(self, client, shop):
        client.force_login(UserFactory(account=AccountFactory(name="Bob's")))

        client.post(SETTINGS, GOOD)

        shop.account.refresh_from_db()
        assert shop.account.name == "Alice's shop"
