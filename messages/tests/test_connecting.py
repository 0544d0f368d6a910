"""SMTP & API keys, through the browser's door: who sees what, and who changes it."""

import re
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import authentication
from accounts.models import AuditEntry, Credential
from accounts.tests.people import Shop, is_sure, text_of
from domains.models import Domain
from messages import certificates
from messages.connecting import access, snippets
from messages.models import Message, Refusal
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    MessageFactory,
    RecipientFactory,
    UserFactory,
)

LIST, NEW, TEST = (reverse(f"credential-{name}") for name in ("list", "new", "test"))
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def shop(db):
    return Shop()


@pytest.fixture
def credential(shop):
    return authentication.create_credential(shop.account, "Web shop")[0]


@pytest.fixture
def domain(shop):
    return Domain.objects.create(
        account=shop.account, name="alices.example", verified_at=timezone.now()
    )


@pytest.fixture
def admin(shop):
    client = Client()
    client.force_login(shop.admin)
    is_sure(client)
    return client


@pytest.fixture
def tls_dir(settings, tmp_path):
    settings.TLS_DIR = tmp_path / "tls"
    certificates.ensure_self_issued(settings.TLS_DIR)
    return settings.TLS_DIR


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def page_of(name, credential):
    return reverse(f"credential-{name}", args=[credential.username])


def secret_in(page):
    return re.search(r"<code>(cmta_[A-Za-z0-9]{24})</code>", page.content.decode())[1]


class TestList:
    def test_it_says_how_to_connect(self, shop, credential, domain, settings):
        settings.SUBMISSION_PORTS, settings.SUBMISSION_TLS_PORTS = [587, 2525], [465]

        page = text_of(logged_in(shop.viewer).get(LIST))

        assert f"smtp://{credential.username}:YOUR-SECRET@localhost:587" in page
        assert "587 or 2525" in page
        assert f"/api/v0.1/{shop.account.public_id}" in page
        assert "From: hello@alices.example" in page

    def test_it_says_what_a_credential_may_and_when_it_was_used(self, shop, credential):
        Credential.objects.filter(pk=credential.pk).update(
            is_test=True, is_relay=True, domains=["alices.example"], last_used_at=timezone.now(),
            last_used_from="192.0.2.7", last_used_by=HOSTILE,
        )  # fmt: skip

        response = logged_in(shop.viewer).get(LIST)

        page = text_of(response)
        assert "send read test mode relay mode only under alices.example" in page.replace("  ", " ")
        assert "from 192.0.2.7 by" in page
        assert "<script>alert" not in response.content.decode()

    def test_one_that_was_revoked_is_gone(self, shop, credential):
        authentication.revoke(credential)

        assert "Web shop" not in text_of(logged_in(shop.viewer).get(LIST))

    def test_it_shows_nothing_of_somebody_else(self, shop, credential):
        bob = logged_in(UserFactory(account=AccountFactory(name="Bob's")))

        assert "Web shop" not in text_of(bob.get(LIST))
        assert bob.get(LIST, {"credential": credential.username}).status_code == 404

    def test_snippets_are_those_of_the_credential_that_was_chosen(self, shop, credential):
        other = authentication.create_credential(shop.account, "Newsletter")[0]
        client = logged_in(shop.developer)

        page = client.get(LIST, {"credential": credential.username}).content.decode()

        assert f"--user {credential.username}:YOUR-SECRET" in page
        assert f"--user {other.username}:" not in page

    def test_an_empty_list_says_the_next_step(self, shop):
        assert "Create a credential" in text_of(logged_in(shop.admin).get(LIST))
        assert "An owner or admin" in text_of(logged_in(shop.viewer).get(LIST))

    def test_only_who_may_change_is_offered_to(self, shop, credential):
        for user, may in ((shop.admin, True), (shop.developer, False), (shop.viewer, False)):
            page = logged_in(user).get(LIST).content.decode()
            assert (page_of("revoke", credential) in page) is may
        assert TEST not in logged_in(shop.viewer).get(LIST).content.decode()
        assert TEST in logged_in(shop.developer).get(LIST).content.decode()

    def test_it_asks_the_database_as_often_for_many_as_for_one(
        self, shop, credential, domain, django_assert_num_queries
    ):
        for number in range(20):
            authentication.create_credential(shop.account, f"Shop {number}")
        client = logged_in(shop.viewer)

        # Session, user, memberships, credentials, the chosen one, domains, today's volume.
        with django_assert_num_queries(7):
            client.get(LIST)


class TestCa:
    def test_it_is_a_file_whose_fingerprint_the_page_says(self, shop, tls_dir):
        pem = Client().get(reverse("ca-certificate")).content
        page = text_of(logged_in(shop.viewer).get(LIST))

        digest = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex(":").upper()
        assert digest in page

    def test_there_is_none_where_the_operator_brings_certificates(self, shop, tls_dir, settings):
        settings.TLS_CERTIFICATE_FILE = "/etc/ssl/mta.pem"

        assert Client().get(reverse("ca-certificate")).status_code == 404
        assert "fingerprint" not in text_of(logged_in(shop.viewer).get(LIST))


class TestCreate:
    FIELDS = {"name": "Web shop", "scopes": ["send", "read"]}  # noqa: RUF012

    def test_the_secret_is_shown_once_and_works(self, admin, shop, domain):
        response = admin.post(NEW, self.FIELDS | {"domains": ["alices.example"], "is_test": "on"})

        secret = secret_in(response)
        credential = shop.account.credentials.get()
        assert authentication.is_secret_of(secret, credential.secret_hash)
        assert (credential.scopes, credential.domains) == (["read", "send"], ["alices.example"])
        assert credential.is_test
        assert f"smtp://{credential.username}:{secret}@" in response.content.decode()
        assert "no-store" in response.headers["Cache-Control"]
        assert secret not in admin.get(LIST).content.decode()
        assert AuditEntry.objects.get(verb="created the credential").user == shop.admin

    def test_a_form_that_is_sent_twice_makes_one(self, admin, shop):
        admin.post(NEW, self.FIELDS)

        assert "there already" in text_of(admin.post(NEW, self.FIELDS))
        assert shop.account.credentials.count() == 1

    def test_a_domain_of_somebody_else_cannot_be_chosen(self, admin, shop, domain):
        Domain.objects.create(account=AccountFactory(), name="bobs.example")

        response = admin.post(NEW, self.FIELDS | {"domains": ["bobs.example"]})

        assert "bobs.example is not one of the available choices" in text_of(response)
        assert not shop.account.credentials.exists()

    def test_what_most_need_is_chosen_already(self, admin):
        page = admin.get(NEW).content.decode()

        assert re.findall(r'value="(\w+)"[^>]* checked', page) == ["send", "read"]

    def test_it_needs_a_scope(self, admin):
        assert "Choose at least one." in text_of(admin.post(NEW, {"name": "Web shop"}))

    def test_it_asks_for_the_password_first(self, shop):
        response = logged_in(shop.admin).get(NEW)

        assert response.headers["Location"].startswith(reverse("account_reauthenticate"))


class TestChange:
    def test_what_it_may_do_is_changed(self, admin, shop, credential):
        admin.post(page_of("change", credential), {"name": "Web shop", "scopes": ["send"]})

        assert Credential.objects.get().scopes == ["send"]

    def test_a_domain_that_was_removed_does_not_open_all_others(self, admin, shop, credential):
        Credential.objects.update(domains=["gone.example"])

        page = admin.get(page_of("change", credential)).content.decode()

        assert re.search(r'value="gone.example"[^>]* checked', page)


class TestRotate:
    def test_both_secrets_are_good_until_the_old_one_ends(self, admin, credential):
        old = credential.secret_hash
        url = page_of("rotate", credential)
        mark = admin.get(url).context["form"].initial["replaces"]

        secret = secret_in(admin.post(url, {"replaces": mark}))

        credential.refresh_from_db()
        assert authentication.is_secret_of(secret, credential.secret_hash)
        assert authentication.live_hashes(credential) == (credential.secret_hash, old)
        assert "Two secrets are good. The old one ends" in text_of(admin.get(LIST))

        admin.post(page_of("end-rotation", credential))

        credential.refresh_from_db()
        assert authentication.live_hashes(credential) == (credential.secret_hash,)
        assert "Two secrets are good" not in text_of(admin.get(LIST))

    def test_a_form_that_is_sent_twice_rotates_once(self, admin, credential):
        url = page_of("rotate", credential)
        mark = admin.get(url).context["form"].initial["replaces"]
        admin.post(url, {"replaces": mark})
        credential.refresh_from_db()

        response = admin.post(url, {"replaces": mark}, follow=True)

        assert "nothing was changed" in text_of(response)
        assert Credential.objects.get().secret_hash == credential.secret_hash

    def test_at_once_where_somebody_else_may_know_it(self, admin, credential):
        url = page_of("rotate", credential)
        mark = admin.get(url).context["form"].initial["replaces"]

        admin.post(url, {"replaces": mark, "immediately": "on"})

        assert Credential.objects.get().previous_secret_hash == ""

    def test_it_asks_for_the_password_first(self, shop, credential):
        response = logged_in(shop.admin).get(page_of("rotate", credential))

        assert response.headers["Location"].startswith(reverse("account_reauthenticate"))


class TestRevoke:
    def test_it_asks_first(self, admin, credential):
        assert "This cannot be undone" in text_of(admin.get(page_of("revoke", credential)))
        assert Credential.objects.get().revoked_at is None

        admin.post(page_of("revoke", credential))

        assert Credential.objects.get().revoked_at is not None
        assert AuditEntry.objects.filter(verb="revoked the credential").exists()


class TestAccess:
    ACTS = ("change", "rotate", "end-rotation", "revoke")

    @pytest.mark.parametrize("act", ACTS)
    def test_what_belongs_to_somebody_else_is_not_found(self, credential, act):
        bob = logged_in(UserFactory(account=AccountFactory(name="Bob's")))
        is_sure(bob)

        assert bob.get(page_of(act, credential)).status_code == 404
        assert bob.post(page_of(act, credential)).status_code == 404

    @pytest.mark.parametrize("act", ACTS)
    def test_developers_and_viewers_change_nothing(self, shop, credential, act):
        for user in (shop.developer, shop.viewer):
            assert logged_in(user).post(page_of(act, credential)).status_code == 403
            assert logged_in(user).get(NEW).status_code == 403

    def test_a_viewer_sends_nothing(self, shop):
        assert logged_in(shop.viewer).get(TEST).status_code == 403

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, credential):
        for address in (LIST, NEW, TEST, *(page_of(act, credential) for act in self.ACTS)):
            assert client.get(address).headers["Location"].startswith(reverse("log-in"))


class TestTrial:
    def send(self, client, credential, **fields):
        usual = {
            "credential": credential.username, "domain": "alices.example",
            "to": "carol@example.net",
        }  # fmt: skip
        return client.post(TEST, usual | fields)

    def test_it_goes_the_way_of_every_message(self, shop, credential, domain):
        response = self.send(logged_in(shop.developer), credential)

        message = Message.objects.get()
        assert response.headers["Location"] == reverse("credential-trial", args=[message.id])
        assert message.credential == credential
        assert message.header_from == "hello@alices.example"
        assert message.recipients.get().address == "carol@example.net"
        assert "test-message" in message.tags

    def test_what_the_doors_refuse_is_refused_here_in_the_same_words(
        self, shop, credential, domain
    ):
        Credential.objects.update(domains=["other.example"])

        response = self.send(logged_in(shop.developer), credential)

        assert "may not send under the domain alices.example" in text_of(response)
        assert Refusal.objects.get().cause == "domain_not_allowed"

    def test_a_credential_or_a_domain_of_somebody_else_cannot_be_chosen(
        self, shop, credential, domain
    ):
        others = AccountFactory()
        theirs = authentication.create_credential(others, "Bob's")[0]
        Domain.objects.create(account=others, name="bobs.example", verified_at=timezone.now())
        client = logged_in(shop.developer)

        self.send(client, theirs)
        self.send(client, credential, domain="bobs.example")

        assert not Message.objects.exists()

    def test_without_a_domain_it_says_the_next_step(self, shop, credential):
        assert "No domain is verified" in text_of(logged_in(shop.developer).get(TEST))

    def test_it_is_watched_until_it_is_settled(self, shop):
        message = MessageFactory(account=shop.account)
        recipient = RecipientFactory(message=message, address="carol@example.net")
        url = reverse("credential-trial", args=[message.id])
        client = logged_in(shop.viewer)
        assert 'hx-trigger="load delay:1s"' in client.get(url).content.decode()

        AttemptFactory(recipient=recipient, dialogue=f"S: {HOSTILE}")
        type(recipient).objects.update(
            state="delivered", due_at=None, settled_at=timezone.now() + timedelta(seconds=1)
        )
        part = client.get(url, headers={"HX-Request": "true"}).content.decode()

        assert "<html" not in part
        assert "hx-trigger" not in part
        assert "✓" in part
        assert "S: &lt;script&gt;" in part

    def test_nobody_else_watches(self, shop):
        message = MessageFactory(account=shop.account)
        bob = logged_in(UserFactory(account=AccountFactory()))

        assert bob.get(reverse("credential-trial", args=[message.id])).status_code == 404


class TestSnippets:
    def test_there_is_a_template_for_each_and_none_is_left_over(self, settings):
        folder = settings.BASE_DIR / "templates" / "snippets"

        assert {f"{one.slug}.txt" for one in snippets.STACKS} == {
            path.name for path in folder.iterdir()
        }

    @pytest.mark.parametrize("address", ['"; rm -rf /"@a.example', "o'neil@a.example", "x y@z"])
    def test_no_address_of_a_reader_becomes_code(self, settings, address):
        settings.DEVELOPMENT = False

        assert access.recipient(address) == "you@example.net"
