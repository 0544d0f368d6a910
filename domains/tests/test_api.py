from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import vault
from accounts.models import Scope
from domains import keys, sending_domains
from domains.models import Domain
from domains.signing import Keyring

WIRE = {
    "id", "domain", "mta_domain", "dkim_selector", "dkim_domain", "dkim_public_record",
    "required_cname", "dkim_verified", "return_path_verified", "spf_verified",
}  # fmt: skip
DOMAINS = "sending_domains"


def added(caller, domain="alices.example", **fields):
    response = caller.call("post", DOMAINS, {"domain": domain} | fields)
    assert response.status_code == 201, response.content
    return response.json()


def published(dns, domain):
    for record in domain["records"]:
        dns.publish(record["name"], record["type"], [record["value"]])


def limited(caller, **fields):
    credential, secret = caller.make("limited", **{"scopes": ["read", "admin"]} | fields)
    return lambda method, path, body=None: caller.call(
        method, path, body, name=credential.username, secret=secret
    )


class TestAdding:
    def test_it_has_the_fields_of_the_original_and_the_records_to_publish(self, alice, settings):
        domain = added(alice, "Alices.Example.")

        assert domain.keys() >= WIRE
        assert domain["domain"] == "alices.example"
        assert domain["mta_domain"] == "mta.alices.example"
        assert domain["required_cname"] == settings.OPERATOR_HOST
        assert domain["dkim_domain"] == f"{domain['dkim_selector']}._domainkey.alices.example"
        assert domain["dkim_public_record"].startswith("v=DKIM1; h=sha256; k=rsa; s=email; p=MIIB")
        assert (domain["dkim_verified"], domain["verified"]) == (None, False)
        assert [record["state"] for record in domain["records"]] == ["pending"] * 3
        assert domain["records"][0]["relative_name"] == "mta"

    def test_its_key_is_encrypted_and_fits_the_record(self, alice):
        domain = added(alice)

        key = Domain.objects.get(public_id=domain["id"]).signing_keys.get()
        assert vault.decrypt(bytes(key.encrypted_private_key)).startswith(b"-----BEGIN")
        assert domain["dkim_public_record"] == keys.dkim_record(key.public_key)

    def test_the_name_of_the_envelope_can_be_chosen(self, alice):
        assert added(alice, mta_label="bounces")["mta_domain"] == "bounces.alices.example"

    def test_a_name_beyond_ascii_is_kept_as_dns_has_it(self, alice):
        assert added(alice, "bücher.example")["domain"] == "xn--bcher-kva.example"

    @pytest.mark.parametrize(
        "domain",
        [
            "", "example", "co.uk", "github.io", "192.0.2.1", "[192.0.2.1]", "a..b.example",
            "mta.cloudmta.test", "x.mta.cloudmta.test", "a b.example", "x" * 300, 5, ["a.example"],
            ".".join(["x" * 59] * 4) + ".example", None, "-a.example",
        ],
    )  # fmt: skip
    def test_these_are_no_domains_to_send_under(self, alice, settings, domain):
        settings.OPERATOR_HOST = "mta.cloudmta.test"

        response = alice.call("post", DOMAINS, {"domain": domain})

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/domain"

    @pytest.mark.parametrize("label", ["", "a.b", "-", "_x", "UPPER", "x" * 64])
    def test_the_label_is_one_of_dns(self, alice, label):
        response = alice.call("post", DOMAINS, {"domain": "alices.example", "mta_label": label})

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/mta_label"

    def test_the_operators_own_name_is_no_mta_name(self, alice, settings):
        settings.OPERATOR_HOST = "mta.operator.example"

        response = alice.call("post", DOMAINS, {"domain": "operator.example"})

        assert response.json()["errors"][0]["pointer"] == "/mta_label"

    def test_unknown_fields_are_named(self, alice):
        response = alice.call("post", DOMAINS, {"domain": "alices.example", "mta": "x"})

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/mta"

    def test_so_many_may_wait_for_their_records(self, alice, bob, monkeypatch):
        monkeypatch.setattr(sending_domains, "MAX_UNVERIFIED", 1)
        Domain.objects.create(
            account=alice.account, name="done.example", verified_at=timezone.now()
        )
        added(alice)

        answer = alice.call("post", DOMAINS, {"domain": "more.example"})

        assert (answer.status_code, answer.json()["code"]) == (422, "too_many_domains")
        added(bob, "bobs.example")

    def test_nobody_learns_whose_a_taken_one_is(self, alice, bob):
        added(bob)

        mine, theirs = (
            caller.call("post", DOMAINS, {"domain": "alices.example"}) for caller in (bob, alice)
        )

        assert mine.status_code == theirs.status_code == 422
        assert mine.json()["error"] == theirs.json()["error"] == "Domain has already been taken"
        assert Domain.objects.count() == 1


class TestLooking:
    def test_the_list_is_an_array_by_name(self, alice, bob):
        for name in ("b.alices.example", "a.alices.example"):
            added(alice, name)
        added(bob, "bobs.example")

        domains = alice.call("get", DOMAINS).json()

        assert [one["domain"] for one in domains] == ["a.alices.example", "b.alices.example"]
        assert domains[0] == alice.call("get", f"{DOMAINS}/{domains[0]['id']}").json()

    def test_it_can_be_searched_and_paged(self, alice):
        added(alice, "shop.alices.example")
        added(alice, "news.alices.example")

        assert [one["domain"] for one in alice.call("get", f"{DOMAINS}?query=Sho").json()] == [
            "shop.alices.example"
        ]
        assert alice.call("get", f"{DOMAINS}?page=2").json() == []

    @pytest.mark.parametrize("query", ["page=0", "page=x", "pages=1", "query=%00"])
    def test_strange_questions_are_refused(self, alice, query):
        assert alice.call("get", f"{DOMAINS}?{query}").status_code == 422

    @pytest.mark.parametrize("public_id", ["0" * 16, "nothing", "%00", "é"])
    def test_what_is_not_there_is_not_found(self, alice, public_id):
        assert alice.call("get", f"{DOMAINS}/{public_id}").status_code == 404

    def test_a_domain_without_a_key_can_be_looked_at(self, alice, dns):
        domain = Domain.objects.create(account=alice.account, name="alices.example")

        assert alice.call("get", f"{DOMAINS}/{domain.public_id}").json()["records"] == []
        assert alice.call("post", f"{DOMAINS}/{domain.public_id}/verify").status_code == 422


class TestVerifying:
    def test_what_the_world_has_published_is_verified(self, alice, dns):
        domain = added(alice)
        published(dns, domain)

        response = alice.call("post", f"{DOMAINS}/{domain['id']}/verify")

        seen = response.json()
        assert response.status_code == 200
        assert seen["dkim_verified"] and seen["return_path_verified"] and seen["spf_verified"]
        assert seen["verified"] and seen["verified_at"] and seen["checked_at"]
        assert [record["state"] for record in seen["records"]] == ["verified"] * 3
        assert seen == alice.call("get", f"{DOMAINS}/{domain['id']}").json()

    def test_what_is_missing_is_422_with_the_domain_itself(self, alice, dns):
        domain = added(alice, "unpublished.example")

        response = alice.call("post", f"{DOMAINS}/{domain['id']}/verify")

        seen = response.json()
        assert response.status_code == 422
        assert seen["id"] == domain["id"]
        assert (seen["dkim_verified"], seen["verified"]) == (False, False)
        assert [record["state"] for record in seen["records"]] == ["missing"] * 3
        assert all(record["advice"] for record in seen["records"])

    def test_once_verified_it_stays_so_when_dns_breaks(self, alice, dns):
        domain = added(alice, "breaks.alices.example")
        published(dns, domain)
        path = f"{DOMAINS}/{domain['id']}/verify"
        first = alice.call("post", path).json()
        dns.publish(domain["dkim_domain"], "TXT", ["v=DKIM1; p=AAAA"])

        response = alice.call("post", path)

        assert response.status_code == 422
        assert response.json()["dkim_verified"] is False
        assert response.json()["records"][1]["found"] == ["v=DKIM1; p=AAAA"]
        assert response.json()["verified_at"] == first["verified_at"]

    def test_an_account_has_one_check_at_a_time(self, alice, bob, dns):
        path = f"{DOMAINS}/{added(alice)['id']}/verify"
        theirs = f"{DOMAINS}/{added(bob, 'bobs.example')['id']}/verify"
        with psycopg.connect(**connection.get_connection_params()) as another:
            lock = [sending_domains.CHECKS, alice.account.pk]
            another.execute("SELECT pg_advisory_lock(%s, %s)", lock)

            answer = alice.call("post", path)

            assert (answer.status_code, answer.json()["code"]) == (409, "check_running")
            assert bob.call("post", theirs).status_code == 422
        assert alice.call("post", path).status_code == 422
        assert alice.call("post", path).status_code == 422

    def test_a_key_under_the_mta_name_signs_as_that(self, alice, dns):
        domain = added(alice, "below.alices.example")
        published(dns, domain)
        dns.withdraw(domain["dkim_domain"], "TXT")
        at_mta = f"{domain['dkim_selector']}._domainkey.mta.below.alices.example"
        dns.publish(at_mta, "TXT", [domain["dkim_public_record"]])

        assert alice.call("post", f"{DOMAINS}/{domain['id']}/verify").status_code == 200

        identity = Keyring().identity(alice.account.pk, "below.alices.example")
        signature = identity.sign([b"From: a@b\r\n"], b"", datetime.now(UTC))
        assert b"d=mta.below.alices.example;" in signature


class TestRemoving:
    def test_it_answers_202_with_the_domain_and_it_is_gone(self, alice):
        domain = added(alice)

        response = alice.call("delete", f"{DOMAINS}/{domain['id']}")

        assert (response.status_code, response.json()) == (202, domain)
        assert alice.call("get", f"{DOMAINS}/{domain['id']}").status_code == 404
        assert Keyring().identity(alice.account.pk, "alices.example") is None

    def test_its_name_is_free_again(self, alice, bob):
        alice.call("delete", f"{DOMAINS}/{added(alice)['id']}")

        assert added(bob)["domain"] == "alices.example"


class TestWhoMay:
    CALLS = [("get", ""), ("delete", ""), ("post", "/verify")]

    @pytest.mark.parametrize(("method", "rest"), CALLS)
    def test_another_accounts_domain_is_not_there(self, alice, bob, method, rest):
        domain = added(bob)

        assert alice.call(method, f"{DOMAINS}/{domain['id']}{rest}").status_code == 404
        assert Domain.objects.filter(public_id=domain["id"]).exists()

    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("get", "", "read"), ("post", "", "admin"), ("get", "/x", "read"),
            ("delete", "/x", "admin"), ("post", "/x/verify", "admin"),
        ],
    )  # fmt: skip
    def test_each_call_needs_its_scope(self, alice, method, path, scope):
        others = [one.value for one in Scope if one != scope]

        response = limited(alice, scopes=others)(method, f"{DOMAINS}{path}", {})

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")

    def test_a_limited_credential_sees_its_domains_only(self, alice):
        mine = added(alice, "shop.alices.example")
        other = added(alice, "news.alices.example")
        call = limited(alice, domains=["shop.alices.example", "new.alices.example"])

        assert [one["domain"] for one in call("get", DOMAINS).json()] == ["shop.alices.example"]
        assert call("get", f"{DOMAINS}/{mine['id']}").status_code == 200
        assert call("get", f"{DOMAINS}/{other['id']}").status_code == 404
        assert call("post", DOMAINS, {"domain": "New.alices.example"}).status_code == 201
        refused = call("post", DOMAINS, {"domain": "other.example"})
        assert (refused.status_code, refused.json()["code"]) == (403, "domain_not_allowed")

    def test_the_account_is_announced_when_its_domains_change(self, alice):
        domain = added(alice)
        with CaptureQueriesContext(connection) as queries:
            alice.call("delete", f"{DOMAINS}/{domain['id']}")

        assert any("pg_notify" in query["sql"] for query in queries)
