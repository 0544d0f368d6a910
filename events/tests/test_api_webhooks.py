import pytest

from accounts import vault
from events import webhooks
from events.models import Webhook

URL = "https://hooks.alices.example/mail"


def made(caller, **fields):
    response = caller.call("post", "webhooks", {"url": URL} | fields)
    assert response.status_code == 201, response.content
    return response.json()


class TestMaking:
    def test_the_secret_is_shown_once(self, alice):
        webhook = made(alice)

        assert webhook.pop("secret").startswith("whsec_")
        assert (webhook["url"], webhook["kinds"], webhook["is_enabled"]) == (URL, [], True)
        assert alice.call("get", f"webhooks/{webhook['id']}").json() == webhook
        assert alice.call("get", "webhooks").json()["data"] == [webhook]

    def test_kinds_can_be_chosen(self, alice):
        webhook = made(alice, kinds=["bounce", "complaint", "bounce"], is_enabled=False)

        assert (webhook["kinds"], webhook["is_enabled"]) == (["bounce", "complaint"], False)

    def test_a_password_in_the_url_is_not_shown(self, alice):
        webhook = made(alice, url="https://user:secret@alices.example/")

        assert webhook["url"] == "https://user:***@alices.example/"
        assert Webhook.objects.get().url == "https://user:secret@alices.example/"

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/url"), ({"url": ""}, "/url"), ({"url": "ftp://x.example/"}, "/url"),
            ({"url": f"{URL}#x"}, "/url"), ({"url": URL + "x" * 2000}, "/url"),
            ({"url": URL, "kinds": ["opened"]}, "/kinds/0"),
            ({"url": URL, "kinds": "open"}, "/kinds"),
            ({"url": URL, "is_enabled": "maybe"}, "/is_enabled"),
            ({"url": URL, "secret": "mine"}, "/secret"),
        ],
    )  # fmt: skip
    def test_wrong_fields_are_named(self, alice, body, pointer):
        response = alice.call("post", "webhooks", body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == pointer

    def test_production_posts_over_tls_to_the_public_only(self, alice, settings):
        settings.LOOPBACK_WEBHOOKS = False

        for url in ("http://alices.example/", "https://127.0.0.1/", "https://localhost/"):
            assert alice.call("post", "webhooks", {"url": url}).status_code == 422

    def test_there_are_only_so_many(self, alice, monkeypatch):
        monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 1)
        made(alice)

        response = alice.call("post", "webhooks", {"url": URL})

        assert (response.status_code, response.json()["code"]) == (422, "too_many_webhooks")

    def test_the_newest_is_listed_first(self, alice):
        ids = [made(alice)["id"] for _ in range(3)]

        page = alice.call("get", "webhooks?limit=2").json()

        assert [row["id"] for row in page["data"]] == ids[:0:-1]
        assert page["has_more"] is True


class TestChanging:
    def test_what_is_not_given_stays(self, alice):
        webhook = made(alice, kinds=["open"])

        response = alice.call("patch", f"webhooks/{webhook['id']}", {"is_enabled": False})

        changed = response.json()
        assert response.status_code == 200
        assert (changed["url"], changed["kinds"], changed["is_enabled"]) == (URL, ["open"], False)

    def test_nothing_given_changes_nothing(self, alice):
        webhook = made(alice)
        del webhook["secret"]

        assert alice.call("patch", f"webhooks/{webhook['id']}", {}).json() == webhook

    @pytest.mark.parametrize(
        "body", [{"url": "x"}, {"kinds": ["x"]}, {"secret": "x"}, {"url": None}]
    )
    def test_wrong_fields_are_refused(self, alice, body):
        webhook = made(alice)

        response = alice.call("patch", f"webhooks/{webhook['id']}", body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"].startswith(f"/{next(iter(body))}")

    def test_the_url_that_is_shown_does_not_replace_the_password(self, alice):
        webhook = made(alice, url="https://user:secret@alices.example/")

        response = alice.call("patch", f"webhooks/{webhook['id']}", {"url": webhook["url"]})

        assert response.status_code == 422
        assert Webhook.objects.get().url == "https://user:secret@alices.example/"

    def test_it_can_be_removed(self, alice):
        path = f"webhooks/{made(alice)['id']}"

        assert alice.call("delete", path).status_code == 204
        assert alice.call("get", path).status_code == 404


class TestRotating:
    def test_the_new_secret_is_shown_and_the_old_one_kept_for_a_day(self, alice):
        webhook = made(alice)

        rotated = alice.call("post", f"webhooks/{webhook['id']}/rotate").json()

        kept = Webhook.objects.get()
        assert rotated["secret"] != webhook["secret"]
        assert rotated["previous_secret_until"]
        assert vault.decrypt(bytes(kept.encrypted_secret)).decode() == rotated["secret"]
        assert vault.decrypt(bytes(kept.encrypted_previous_secret)).decode() == webhook["secret"]


class TestWhoMay:
    CALLS = [("get", ""), ("patch", ""), ("delete", ""), ("post", "/rotate")]

    @pytest.mark.parametrize(("method", "rest"), CALLS)
    def test_another_accounts_webhook_is_not_there(self, alice, bob, method, rest):
        webhook = made(bob)
        before = Webhook.objects.values().get()

        response = alice.call(method, f"webhooks/{webhook['id']}{rest}", {})

        assert response.status_code == 404
        assert Webhook.objects.values().get() == before
        assert alice.call("get", "webhooks").json()["data"] == []

    @pytest.mark.parametrize(("method", "rest"), [("get", None), ("post", None), *CALLS])
    def test_each_call_needs_its_scope(self, alice, method, rest):
        webhook = made(alice)
        path = "webhooks" if rest is None else f"webhooks/{webhook['id']}{rest}"
        scope = "admin" if method == "get" else "read"
        credential, secret = alice.make(scopes=["send", scope])

        response = alice.call(method, path, {}, name=credential.username, secret=secret)

        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
