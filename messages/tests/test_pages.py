import re
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.views.defaults import server_error

from domains.models import Domain
from events.identifiers import new_id
from events.models import Kind
from messages import views
from messages.models import IncomingReport, Message, State
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
    ReportFactory,
    UserFactory,
)

HOSTILE = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"
LIST = reverse("message-list")


@pytest.fixture
def alices(db):
    return AccountFactory(name="Alice's shop")


@pytest.fixture
def alice(alices, client):
    client.force_login(UserFactory(email="alice@alices.example", account=alices))
    return client


@pytest.fixture
def bob(db):
    bob = Client()
    bob.force_login(UserFactory(email="bob@bobs.example", account=AccountFactory(name="Bob's")))
    return bob


def pages_of(message):
    return [reverse(name, args=[message.id]) for name in ("message-detail", "message-source")]


def text_of(response):
    """What a reader sees: no tags, and single spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


class TestList:
    def test_it_shows_what_alice_sent_and_where_each_recipient_stands(self, alice, alices):
        message = MessageFactory(account=alices, subject="Your receipt", tags=["shop", "receipt"])
        RecipientFactory(message=message, address="carol@example.net", state=State.DELIVERED)
        RecipientFactory(
            message=message, address="dave@example.org", state=State.BOUNCED, reply="550 Unknown"
        )

        page = text_of(alice.get(LIST))

        assert "Your receipt Alice&#x27;s shop &lt;shop@alices.example&gt; standard" in page
        assert "standard shop receipt carol@" in page
        assert "carol@example.net ✓ delivered dave@example.org ✕ bounced It was refused" in page
        assert "We do not try again. 550 Unknown" in page

    def test_it_shows_nothing_of_somebody_else(self, bob, alices):
        MessageFactory(account=alices, subject="For Carol alone")

        assert "Carol" not in text_of(bob.get(LIST))

    def test_it_says_until_when_a_recipient_is_deferred(self, alice, alices):
        tomorrow = timezone.now() + timedelta(days=1)
        RecipientFactory(message__account=alices, state=State.DEFERRED, due_at=tomorrow)

        assert f"↻ deferred until tomorrow, {tomorrow:%H:%M} UTC" in text_of(alice.get(LIST))

    def test_it_counts_the_recipients_beyond_three_by_state(self, alice, alices):
        message = MessageFactory(account=alices)
        RecipientFactory.create_batch(9, message=message, state=State.DELIVERED)
        RecipientFactory(message=message, state=State.BOUNCED)

        assert "7 more: ✕ 1 bounced ✓ 6 delivered" in text_of(alice.get(LIST))

    def test_it_shows_the_phases_of_an_attempt_and_whether_it_was_verified(self, alice, alices):
        message = MessageFactory(account=alices)
        AttemptFactory(recipient=RecipientFactory(message=message), is_verified=True)

        page = text_of(alice.get(reverse("message-detail", args=[message.id])))

        assert "TLSv1.3, certificate verified" in page
        assert "connect 20 ms MAIL 3 ms final dot 1.2 s" in page

    def test_it_escapes_what_strangers_write(self, alice, alices):
        message = MessageFactory(
            account=alices, subject=HOSTILE, header_from=HOSTILE, tags=[HOSTILE]
        )
        RecipientFactory(message=message, state=State.BOUNCED, reply=HOSTILE, address=HOSTILE)

        page = alice.get(LIST).content.decode()

        assert "<script>" not in page
        assert page.count(ESCAPED) == 5

    def test_it_cuts_a_subject_that_would_fill_the_page(self, alice, alices):
        MessageFactory(account=alices, subject="x" * 10_000)

        assert "x" * (views.MAX_SHOWN + 1) not in alice.get(LIST).content.decode()

    def test_it_asks_the_database_as_often_for_fifty_messages_as_for_one(
        self, alice, alices, django_assert_num_queries
    ):
        for message in MessageFactory.create_batch(views.PAGE, account=alices):
            RecipientFactory.create_batch(2, message=message)

        # Session, user, account, messages, recipients, domains to choose from, today's volume.
        with django_assert_num_queries(7) as queries:
            alice.get(LIST)

        assert not any("mail_content" in query["sql"] for query in queries)

    def test_it_pages_by_key_in_order_and_without_gaps(self, alice, alices, monkeypatch):
        monkeypatch.setattr(views, "PAGE", 3)
        MessageFactory.create_batch(7, account=alices)
        MessageFactory.create_batch(2)

        pages, address = [], LIST
        while address:
            response = alice.get(address)
            pages.append([message.id for message in response.context["message_list"]])
            older = re.search(r'href="(\?before=[^"]+)"', response.content.decode())
            address = LIST + older[1] if older else ""

        newest_first = Message.objects.filter(account=alices).order_by("-id")
        assert [len(page) for page in pages] == [3, 3, 1]
        assert sum(pages, []) == [message.id for message in newest_first]

    def test_it_says_so_when_nothing_is_older(self, alice):
        page = text_of(alice.get(LIST, {"before": new_id()}))

        assert "There are no messages before this one." in page

    @pytest.mark.parametrize("before", ["yesterday", "0", "' OR 1=1", "\0"])
    def test_it_knows_no_page_before_what_is_no_id(self, alice, before):
        assert alice.get(LIST, {"before": before}).status_code == 404

    def test_it_shows_the_next_step_when_it_is_empty(self, alice, alices):
        alices.credentials.create(name="Shop", username="0123456789abcdef")
        Domain.objects.create(account=alices, name="alices.example", verified_at=timezone.now())

        page = text_of(alice.get(LIST))

        assert "No messages yet" in page
        assert "swaks --server localhost --port 2525 --tls" in page
        assert "--auth-user 0123456789abcdef" in page
        assert "--from hello@alices.example" in page

    def test_it_sends_who_is_logged_out_to_the_log_in(self, client, db):
        assert client.get(LIST).headers["Location"] == f"{reverse('log-in')}?next={LIST}"

    def test_it_only_looks(self, alice):
        assert alice.post(LIST).status_code == 405


class TestDetail:
    def test_it_tells_the_story_of_a_recipient(self, alice, alices):
        start = timezone.now() - timedelta(hours=1)
        message = MessageFactory(account=alices, accepted_at=start)
        recipient = RecipientFactory(
            message=message, address="carol@example.net", state=State.DELIVERED, attempt_count=2
        )
        first, second = start + timedelta(seconds=1), start + timedelta(minutes=5)
        AttemptFactory(recipient=recipient, number=1, started_at=first, reply="451 4.7.1 Later")
        AttemptFactory(recipient=recipient, number=2, started_at=second)
        EventFactory(
            message=message, kind=Kind.SOFT_BOUNCE, timestamp=first + timedelta(seconds=1),
            details={
                "enhanced_code": "4.7.1", "items": "none", "attempt": 1, "reason": "greylisted",
            },
        )  # fmt: skip
        EventFactory(message=message, timestamp=second + timedelta(seconds=1))
        EventFactory(message=message, recipient="dave@example.org", kind=Kind.BOUNCE)

        page = text_of(alice.get(reverse("message-detail", args=[message.id])))
        order = [
            "Their server took responsibility", "Accepted", "Attempt 1", "↻ soft bounce",
            "mx1.example.net [192.0.2.25] · TLSv1.3 · 0.84 s", "451 4.7.1 Later",
            "Their server lets strangers come twice.", "S: 250 2.1.0 Sender ok",
            "items none reason greylisted attempt 1 enhanced_code 4.7.1",
            "Attempt 2", "250 2.0.0 Queued", "✓ delivery",
        ]  # fmt: skip
        places = [page.index(words, page.index("1 recipient")) for words in order]

        assert places == sorted(places)
        assert "✕ bounce" not in page

    def test_it_shows_the_facts(self, alice, alices):
        message = MessageFactory(account=alices, tags=["shop"], reverse_path="", size=2048)

        page = text_of(alice.get(reverse("message-detail", args=[message.id])))

        assert f"Id {message.id} Copy Accepted" in page
        assert f"Message-ID &lt;{message.id}@alices.example&gt; Copy" in page
        assert "Reverse-path &lt;&gt;" in page
        assert "Class standard Tags shop Size 2.0 KB Submitted by SMTP" in page

    def test_it_shows_the_phases_of_an_attempt_and_whether_it_was_verified(self, alice, alices):
        message = MessageFactory(account=alices)
        AttemptFactory(recipient=RecipientFactory(message=message), is_verified=True)

        page = text_of(alice.get(reverse("message-detail", args=[message.id])))

        assert "TLSv1.3, certificate verified" in page
        assert "connect 20 ms MAIL 3 ms final dot 1.2 s" in page

    def test_it_escapes_what_strangers_write(self, alice, alices):
        message = MessageFactory(
            account=alices, subject=HOSTILE, header_from=HOSTILE, message_id_header=HOSTILE,
            reverse_path=HOSTILE, tags=[HOSTILE],
        )  # fmt: skip
        recipient = RecipientFactory(message=message, address=HOSTILE, reply=HOSTILE)
        AttemptFactory(
            recipient=recipient, exchanger=HOSTILE, reply=HOSTILE, dialogue=f"S: {HOSTILE}</pre>"
        )
        EventFactory(message=message, recipient=HOSTILE, details={HOSTILE: HOSTILE})

        page = alice.get(reverse("message-detail", args=[message.id])).content.decode()

        assert "<script>" not in page
        assert "&lt;/pre&gt;" in page
        assert page.count(ESCAPED) == 14

    def test_it_shows_what_came_back_and_told_nothing(self, alice, alices):
        recipient = RecipientFactory(message__account=alices, state=State.DELIVERED)
        note = f"Nothing to report. from: Carol; subject: Away {HOSTILE}"
        UNCLASSIFIED, READ = IncomingReport.State.UNCLASSIFIED, IncomingReport.State.READ
        ReportFactory(recipient=recipient, state=UNCLASSIFIED, note=note)
        ReportFactory(recipient=recipient, state="ignored", note="Nothing to report. An answer")
        ReportFactory(recipient=recipient, state=READ, note="bounce 5.1.1; it has an event")
        ReportFactory(state=UNCLASSIFIED, note="Nothing to report. Of somebody else")

        page = alice.get(reverse("message-detail", args=[recipient.message_id]))

        assert "Mail came back" in text_of(page)
        assert f"Nothing to report. from: Carol; subject: Away {ESCAPED}" in page.content.decode()
        assert "Nothing to report. An answer" in text_of(page)
        assert "it has an event" not in text_of(page)
        assert "somebody else" not in text_of(page)

    def test_it_asks_the_database_as_often_for_twenty_recipients_as_for_one(
        self, alice, alices, django_assert_num_queries
    ):
        message = MessageFactory(account=alices)
        for recipient in RecipientFactory.create_batch(20, message=message):
            AttemptFactory.create_batch(3, recipient=recipient)
            EventFactory.create_batch(3, message=message, recipient=recipient.address)

        # Session, user, account, message, events, recipients, attempts, reports, today's volume.
        with django_assert_num_queries(9):
            alice.get(reverse("message-detail", args=[message.id]))


class TestSource:
    def test_it_is_a_file_of_the_very_bytes(self, alice, alices):
        message = MessageFactory(account=alices, content=b"Subject: \xe4\r\n\r\n<script>\r\n")

        response = alice.get(reverse("message-source", args=[message.id]))

        assert response.content == b"Subject: \xe4\r\n\r\n<script>\r\n"
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Disposition"] == f'attachment; filename="{message.id}.eml"'

    def test_it_is_not_found_where_the_content_is_gone(self, alice, alices):
        message = MessageFactory(account=alices)

        assert alice.get(reverse("message-source", args=[message.id])).status_code == 404


class TestAccess:
    def test_bob_does_not_find_what_is_alices(self, alice, bob, alices):
        for address in pages_of(MessageFactory(account=alices, content=b"Hello")):
            assert alice.get(address).status_code == 200
            assert bob.get(address).status_code == 404

    def test_nobody_finds_a_message_that_never_was(self, alice):
        response = alice.get(reverse("message-detail", args=[new_id()]))

        assert response.status_code == 404
        assert "Nothing is here" in text_of(response)

    def test_who_is_logged_out_is_sent_to_the_log_in(self, client, alices):
        for address in pages_of(MessageFactory(account=alices, content=b"Hello")):
            assert client.get(address).headers["Location"].startswith(reverse("log-in"))

    def test_every_page_forbids_scripts_of_others(self, alice, alices):
        message = MessageFactory(account=alices, content=b"Hello")
        for address in (LIST, *pages_of(message)):
            policy = alice.get(address).headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy

    def test_no_page_carries_style_or_script_of_its_own(self, alice, alices):
        message = MessageFactory(account=alices)
        for address in (LIST, reverse("message-detail", args=[message.id])):
            page = alice.get(address).content.decode()
            assert not re.search(r"<script(?! src=)|<style| style=| on\w+=", page)


class TestErrorPages:
    def test_a_page_that_breaks_says_so_without_the_database(self):
        assert "Something broke" in text_of(server_error(RequestFactory().get("/")))

    def test_a_form_from_elsewhere_is_refused_in_words(self, db):
        response = Client(enforce_csrf_checks=True).post(reverse("log-in"))

        assert response.status_code == 403
        assert "This form has expired" in text_of(response)
