"""The few things that staff may change: after a question, with a trail, and no secret twice."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import authentication
from accounts.models import Account, Credential, User

ACCOUNT = {
    "max_message_size": "20971520", "requests_per_second": "50", "messages_per_second": "",
    "is_test": "", "suspended_for": "",
}  # fmt: skip


@pytest.fixture
def alices(db):
    return Account.objects.create(name="Alice's shop")


@pytest.fixture
def credential(alices):
    return authentication.create_credential(alices, "Shop")[0]


@pytest.fixture
def staff(client, db):
    client.force_login(User.objects.create_superuser("staff@operator.example"))
    return client


@pytest.fixture
def onlooker(client, db):
    """Somebody of the staff who may look, and no more."""
    user = User.objects.create_user("guest@operator.example", is_staff=True)
    views = Permission.objects.filter(codename__in=["view_account", "view_credential"])
    user.user_permissions.set(views)
    client.force_login(user)
    return client


def page_of(row, act="change"):
    name = {"change": f"accounts_{row._meta.model_name}_change"}.get(act, f"credential_{act}")
    return reverse(f"admin:{name}", args=[row.pk])


def asked(response):
    """Return what a page asks to confirm, as the form would send it."""
    page = response.content.decode()
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    data = {}
    for name, value in fields:
        data.setdefault(name, []).append(html.unescape(value))
    data.pop("csrfmiddlewaretoken", None)
    assert data.get("confirmed") == ["yes"], page
    return data


def secret_on(response):
    return re.search(r"Secret</th><td><code>(cmta_\w{24})</code>", response.content.decode())[1]


def trail():
    return list(LogEntry.objects.values_list("change_message", flat=True))


class TestAccount:
    def test_a_change_is_shown_first_and_made_after_a_yes(self, staff, alices):
        question = staff.post(page_of(alices), ACCOUNT)
        before = Account.objects.get()
        staff.post(page_of(alices), asked(question))
        after = Account.objects.get()

        assert "10485760" in question.content.decode()
        assert (before.max_message_size, before.requests_per_second) == (10485760, 10)
        assert (after.max_message_size, after.requests_per_second) == (20971520, 50)
        assert trail() == [
            "Max message size: 10485760 → 20971520; Requests per second: 10 → 50"
        ]  # fmt: skip

    def test_it_is_suspended_in_words_that_the_customer_gets(self, staff, alices):
        fields = ACCOUNT | {"suspended_for": "unpaid since May"}
        staff.post(page_of(alices), asked(staff.post(page_of(alices), fields)))

        assert Account.objects.get().suspended_for == "unpaid since May"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("max_message_size", "0"), ("max_message_size", "1000000000000"),
            ("max_message_size", ""), ("requests_per_second", "0"), ("requests_per_second", "x"),
            ("messages_per_second", "0"), ("suspended_for", "caf\u00e9"),
            ("suspended_for", "a\rb"), ("suspended_for", "x" * 201),
        ],
    )  # fmt: skip
    def test_what_no_door_can_bear_is_not_taken(self, staff, alices, field, value):
        response = staff.post(page_of(alices), ACCOUNT | {field: value, "confirmed": "yes"})

        assert "errorlist" in response.content.decode()
        assert Account.objects.get().requests_per_second == 10
        assert trail() == []

    def test_nothing_else_can_be_slipped_in(self, staff, alices):
        fields = ACCOUNT | {"public_id": "mine", "name": "Mine now", "confirmed": "yes"}
        staff.post(page_of(alices), fields)

        assert (Account.objects.get().name, Account.objects.get().public_id) == (
            "Alice's shop", alices.public_id,
        )  # fmt: skip

    def test_who_may_only_look_changes_nothing(self, onlooker, alices):
        assert onlooker.get(page_of(alices)).status_code == 200
        for data in (ACCOUNT, ACCOUNT | {"confirmed": "yes"}):
            assert onlooker.post(page_of(alices), data).status_code == 403
        assert Account.objects.get().requests_per_second == 10


class TestCredential:
    def new(self, staff, alices, **fields):
        data = {"account": alices.pk, "name": "Till", "scopes": ["send"], "domains": ""} | fields
        return staff.post(reverse("admin:accounts_credential_add"), data)

    def test_a_new_one_shows_its_secret_once(self, staff, alices):
        made = self.new(staff, alices, domains="Bücher.example, shop.example.", is_relay="on")
        till = Credential.objects.get(name="Till")
        secret = secret_on(made)
        pages = [staff.get(page_of(till)), staff.get(page_of(till, "rotate"))]

        assert authentication.is_secret_of(secret, till.secret_hash)
        assert (till.account, till.scopes, till.is_relay) == (alices, ["send"], True)
        assert till.domains == ["shop.example", "xn--bcher-kva.example"]
        assert "no-store" in made["Cache-Control"]
        for page in pages:
            assert secret not in page.content.decode()
            assert till.secret_hash not in page.content.decode()
        assert secret not in str(trail())

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("account", "999999"), ("name", ""), ("name", "x" * 101), ("scopes", []),
            ("scopes", ["everything"]), ("domains", "not a domain"),
        ],
    )  # fmt: skip
    def test_a_wrong_one_is_not_made(self, staff, alices, field, value):
        response = self.new(staff, alices, **{field: value})

        assert "errorlist" in response.content.decode()
        assert not Credential.objects.exists()

    def test_its_limits_change_after_a_yes(self, staff, credential):
        fields = {"name": "Shop", "scopes": ["read"], "domains": "", "is_test": "on"}
        question = staff.post(page_of(credential), fields)
        before = Credential.objects.get().scopes
        staff.post(page_of(credential), asked(question))
        after = Credential.objects.get()

        assert before == ["send", "read"]
        assert (after.scopes, after.is_test) == (["read"], True)
        assert after.secret_hash == credential.secret_hash
        assert trail() == ["Scopes: send, read → read; Is test: False → True"]

    @pytest.mark.parametrize("immediately", [False, True])
    def test_a_rotation_keeps_the_old_secret_for_a_day_or_ends_it(
        self, staff, credential, immediately
    ):
        question = asked(staff.get(page_of(credential, "rotate")))
        answer = question | ({"immediately": "on"} if immediately else {})
        secret = secret_on(staff.post(page_of(credential, "rotate"), answer))
        hashes = authentication.live_hashes(Credential.objects.get())

        assert authentication.is_secret_of(secret, hashes[0])
        assert (credential.secret_hash in hashes) is not immediately
        assert len(trail()) == 1

    def test_a_revoked_one_stays_so(self, staff, credential):
        question = asked(staff.get(page_of(credential, "revoke")))
        live = Credential.objects.get().revoked_at
        staff.post(page_of(credential, "revoke"), question)
        revoked_at = Credential.objects.get().revoked_at

        assert live is None
        assert revoked_at is not None
        assert trail() == ["Revoked"]
        for act in ("rotate", "revoke"):
            assert staff.post(page_of(credential, act), question).status_code == 404
        assert staff.post(page_of(credential), {"name": "x"}).status_code == 403
        assert Credential.objects.get().revoked_at == revoked_at

    @pytest.mark.parametrize("act", ["rotate", "revoke"])
    def test_a_link_alone_does_nothing(self, staff, credential, act):
        staff.get(page_of(credential, act))

        assert Credential.objects.get().secret_hash == credential.secret_hash
        assert Credential.objects.get().revoked_at is None

    @pytest.mark.parametrize("act", ["rotate", "revoke", "change"])
    def test_who_may_only_look_changes_nothing(self, onlooker, credential, act):
        assert onlooker.post(page_of(credential, act), {"confirmed": "yes"}).status_code == 403
        assert self.new(onlooker, credential.account).status_code == 403
        assert Credential.objects.count() == 1
        assert Credential.objects.get().revoked_at is None

    def test_it_is_not_for_customers(self, client, credential):
        client.force_login(User.objects.create_user("alice@alices.example"))
        for act in ("rotate", "revoke"):
            answer = client.post(page_of(credential, act))
            assert answer["Location"].startswith(reverse("admin:login"))
        assert Credential.objects.get().revoked_at is None
