"""What a message holds is shown so that nothing in it can do anything."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.tests.people import Shop, text_of
from domains.models import Domain
from events.identifiers import new_id
from messages.anatomy import dissect
from messages.models import Content
from messages.tests.factories import AccountFactory, MessageFactory, UserFactory
from messages.tests.test_anatomy import CORPORA, LETTER

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
TABS = ("preview", "text", "headers", "attachments", "checks")
PAGES = [f"message-{name}" for name in (*TABS, "html", "source")]


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def dave(client, shop):
    """May only look."""
    client.force_login(shop.viewer)
    return client


@pytest.fixture
def letter(shop):
    return MessageFactory(account=shop.account, content=LETTER)


def page(client, name, message, *args, **query):
    return client.get(reverse(f"message-{name}", args=[message.id, *args]), query)


class TestPreview:
    def test_the_frame_may_run_and_fetch_nothing(self, dave, letter):
        outer = page(dave, "preview", letter).content.decode()
        frame = page(dave, "html", letter)

        assert 'sandbox=""' in outer
        assert f'src="{reverse("message-html", args=[letter.id])}"' in outer
        policy = frame.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "img-src data:;" in policy
        assert "script" not in policy
        assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert frame.headers["Referrer-Policy"] == "no-referrer"

    def test_pictures_from_elsewhere_are_loaded_only_where_that_is_asked_for(self, dave, letter):
        assert "?images=remote" not in re.search(
            "<iframe[^>]*>", page(dave, "preview", letter).content.decode()
        )[0]  # fmt: skip
        outer = page(dave, "preview", letter, images="remote").content.decode()
        frame = page(dave, "html", letter, images="remote")

        assert "?images=remote" in re.search("<iframe[^>]*>", outer)[0]
        assert "img-src data: https: http:;" in frame.headers["Content-Security-Policy"]
        assert "default-src 'none'" in frame.headers["Content-Security-Policy"]

    def test_no_link_tag_makes_a_browser_look_for_a_host(self, dave, shop):
        html = b"Content-Type: text/html\r\n\r\n<LINK rel=preconnect href=//evil.example>Hello"
        message = MessageFactory(account=shop.account, content=html)

        assert b"<link" not in page(dave, "html", message).content.lower()

    def test_a_message_without_html_shows_its_text(self, dave, shop):
        message = MessageFactory(account=shop.account, content=b"\r\n" + HOSTILE.encode())

        shown = page(dave, "preview", message).content.decode()

        assert "<iframe" not in shown
        assert HOSTILE not in shown
        assert "&lt;script&gt;" in shown


class TestTabs:
    def test_the_text_is_text(self, dave, letter):
        assert "Grüße" in text_of(page(dave, "text", letter))

    def test_the_header_is_decoded(self, dave, shop):
        content = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-A: 1\r\n\r\n"
        message = MessageFactory(account=shop.account, content=content)

        assert "Subject Grüße X-A 1" in text_of(page(dave, "headers", message))

    def test_what_strangers_write_is_text(self, dave, shop):
        content = (
            f"Subject: {HOSTILE}\r\nX-{HOSTILE[1:4]}: {HOSTILE}\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{HOSTILE}\r\n--b\r\n'
            f'Content-Type: image/png; name="{HOSTILE}"\r\nContent-ID: <{HOSTILE}>\r\n\r\nx\r\n'
            f"--b\r\nContent-Type: text/html\r\n\r\n<a href='https://a.example/{HOSTILE}'>x</a>"
        ).encode()  # fmt: skip
        message = MessageFactory(account=shop.account, content=content)

        for name in TABS:
            response = page(dave, name, message)
            assert response.status_code == 200
            assert HOSTILE not in response.content.decode()
            assert not re.search(r"<script(?! src=)", response.content.decode())

    def test_content_that_is_gone_is_said_to_be_gone(self, dave, shop):
        message = MessageFactory(account=shop.account)

        for name in TABS:
            assert "keeps what messages hold for 30 days" in text_of(page(dave, name, message))
        shop.account.content_days = 0
        shop.account.save()
        assert "as soon as its last recipient is settled" in text_of(page(dave, "text", message))
        assert page(dave, "html", message).status_code == 404
        assert page(dave, "attachment", message, 1).status_code == 404


class TestAttachments:
    def test_each_is_a_file_of_octets_whatever_it_says_it_is(self, dave, letter):
        assert "AGB ü.txt text/plain 5 bytes Download" in text_of(page(dave, "attachments", letter))

        answer = page(dave, "attachment", letter, 4)

        assert answer.content == b"Terms"
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        disposition = answer.headers["Content-Disposition"]
        assert disposition == "attachment; filename*=utf-8''AGB%20%C3%BC.txt"

    @pytest.mark.parametrize(
        ("name", "saved"),
        [
            (b"../../etc/passwd", 'attachment; filename="_.._etc_passwd"'),
            (b"a\r\n Set-Cookie: x=1", None),
            (b"", 'attachment; filename="part-1"'),
        ],
    )
    def test_a_name_leads_nowhere(self, dave, shop, name, saved):
        content = b'Content-Disposition: attachment; filename="%b"\r\n\r\nx' % name
        message = MessageFactory(account=shop.account, content=content)

        disposition = page(dave, "attachment", message, 1).headers["Content-Disposition"]

        assert "\n" not in disposition
        assert disposition == saved or saved is None

    def test_a_text_that_is_shown_is_no_attachment(self, dave, letter):
        assert page(dave, "attachment", letter, 1).status_code == 404


class TestChecks:
    def test_it_says_how_the_sender_stands_and_what_a_receiver_may_dislike(self, dave, shop):
        Domain.objects.create(
            account=shop.account, name="alices.example", dkim_verified=True, spf_verified=False,
            findings=[
                {"name": "_dmarc.alices.example", "type": "TXT", "state": "missing", "found": [],
                 "advice": "Publish a DMARC record"},
            ],
        )  # fmt: skip
        content = (
            b"Content-Type: text/html\r\n\r\n<a href='http://192.0.2.1/'>Pay</a>"
            b"<img src=https://a.example/x.png>"
        )
        message = MessageFactory(
            account=shop.account, content=content, spam_score=2.5, spam_rules=["LINK_TO_IP", "X"]
        )

        shown = text_of(page(dave, "checks", message))

        for words in (
            "It scores 2.5; from 8.0 on it is refused. LINK_TO_IP: A link to a bare IP address X",
            "DKIM ✓ fine Signed as alices.example",
            "SPF ✕ problem mta.alices.example does not lead to this service",
            "DMARC ! advice Publish a DMARC record",
            "There is HTML and no plain text",
            "Links ✕ problem A link leads to a bare IP address",
            "1 in the HTML, 1 of them from elsewhere",
            "1 have no alt text",
            "http://192.0.2.1/",
        ):
            assert words in shown

    def test_a_domain_that_is_gone_is_a_problem(self, dave, letter):
        shown = text_of(page(dave, "checks", letter))

        assert "alices.example is not among your domains any more" in shown
        assert "There is plain text beside the HTML." in shown


class TestBroken:
    def test_mail_of_the_world_breaks_no_page(self, dave, shop):
        if not (CORPORA / "mime.jsonl").exists():
            pytest.skip(f"no corpora in {CORPORA}")
        message = MessageFactory(account=shop.account, content=b"")
        for line in (CORPORA / "mime.jsonl").read_text().splitlines()[::6]:
            octets = (CORPORA / json.loads(line)["path"]).read_bytes()
            data = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            Content.objects.filter(message=message).update(data=data)

            for name in ("html", "headers", "attachments", "checks"):
                assert page(dave, name, message).status_code == 200, line
            for part in dissect(data).attachments[:3]:
                assert page(dave, "attachment", message, part.number).status_code == 200, line


class TestAccess:
    def test_bob_finds_nothing_of_alices(self, letter):
        bob = Client()
        bob.force_login(UserFactory(account=AccountFactory()))

        for name in PAGES:
            assert bob.get(reverse(name, args=[letter.id])).status_code == 404
        assert page(bob, "attachment", letter, 4).status_code == 404

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, letter):
        for name in PAGES:
            address = client.get(reverse(name, args=[letter.id])).headers["Location"]
            assert address.startswith(reverse("log-in"))

    def test_a_message_that_never_was_is_not_found(self, dave):
        for name in PAGES:
            assert dave.get(reverse(name, args=[new_id()])).status_code == 404

    def test_the_number_of_queries_is_small(self, dave, letter, django_assert_max_num_queries):
        for name in TABS:
            # Session, user, memberships, message, content, today's volume; for checks the domain.
            with django_assert_max_num_queries(7):
                page(dave, name, letter)
