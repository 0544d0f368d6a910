import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import vault
from events import webhooks
from events.webhooks import UrlRefused, check_url
from messages.tests.factories import AccountFactory


@pytest.fixture
def production(settings):
    settings.LOOPBACK_WEBHOOKS = False


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "https://hooks.alices.example/mail?from=cloudmta",
            "https://alices.example",
            "https://user:p%40ss@alices.example:8443/",
            "https://alices.example:1024/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://alices.example/" + "x" * 1977,
        ],
    )
    def test_these_are_taken(self, production, url):
        check_url(url)

    @pytest.mark.parametrize(
        "url",
        [
            "", "alices.example/hook", "http://alices.example/", "ftp://alices.example/",
            "https:///hook", "https://alices.example/#x", "https://alices.example/#",
            "https://alices.example:25/", "https://alices.example:0/",
            "https://alices.example:65536/", "https://alices.example:x/",
            "https://a@b@alices.example/", "https://user:***@alices.example/",
            "https://localhost/", "https://x.localhost/", "https://intranet/",
            "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/",
            "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
            "https://2130706433/", "https://0x7f000001/", "https://0x7f.0x1/", "https://127.1/",
            "https://alices.example\\@evil.example/", "https://alices.example/a b",
            "https://alices.example/\r\nX: y", "https://älice.example/", "https://[::1/",
            "https://alices_.example/", "https://alices.example/" + "x" * 1978,
        ],
    )  # fmt: skip
    def test_these_are_not(self, production, url):
        with pytest.raises(UrlRefused):
            check_url(url)

    @pytest.mark.parametrize("url", ["http://localhost:9000/", "http://127.0.0.1:9000/x"])
    def test_development_may_post_to_itself(self, settings, url):
        settings.LOOPBACK_WEBHOOKS = True

        check_url(url)

    @given(st.text(max_size=40).map("https://{}".format) | st.text(max_size=40))
    def test_any_text_is_a_url_or_refused(self, text):
        try:
            check_url(text)
        except UrlRefused as refusal:
            assert str(refusal)


class TestShown:
    def test_a_password_is_hidden(self):
        url = "https://user:secret@alices.example:8443/x?y"

        assert webhooks.shown(url) == "https://user:***@alices.example:8443/x?y"

    def test_other_urls_stay(self):
        assert webhooks.shown("https://user@alices.example/x") == "https://user@alices.example/x"


@pytest.mark.django_db
class TestSecrets:
    def test_the_database_has_them_encrypted_only(self):
        webhook, secret = webhooks.create(AccountFactory(), "https://alices.example/")

        assert secret.startswith("whsec_")
        assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
        assert secret.encode() not in bytes(webhook.encrypted_secret)
        assert vault.decrypt(bytes(webhook.encrypted_secret)).decode() == secret

    def test_a_rotation_keeps_the_one_before(self):
        webhook, before = webhooks.create(AccountFactory(), "https://alices.example/")

        after = webhooks.rotate(webhook)

        webhook.refresh_from_db()
        assert after != before
        assert vault.decrypt(bytes(webhook.encrypted_secret)).decode() == after
        assert vault.decrypt(bytes(webhook.encrypted_previous_secret)).decode() == before
