"""What staff see first, how they find things, and that each sees no more than they may."""

from datetime import timedelta

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts import approval, authentication, contact
from accounts.models import Account, AuditEntry
from accounts.tests.people import text_of
from accounts.volume import Notice, Standing, StandingChange, VolumeDay
from cloudmta import presence
from cloudmta.doctor.services import NEEDED
from cloudmta.presence import Process
from domains.models import Domain
from events import webhooks
from events.models import Kind, Suppression, Tally, Webhook
from messages.models import IncomingReport, Message, Refusal
from messages.tests.factories import (
    AccountFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

INDEX, STATE, SEARCH = (reverse(f"admin:{name}") for name in ("index", "state", "search"))
ACCOUNTS = reverse("admin:accounts_account_changelist")


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(email="sam@operator.example", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def all_run(monkeypatch):
    """Every process says that it lives: in this test nobody announces anything."""
    processes = [Process(role, "mx1", 1, "2026-01-01T00:00:00+00:00") for role in NEEDED]
    monkeypatch.setattr(presence, "present", lambda: processes)
    return processes


def limited(client, *permissions):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def waiting_on(client):
    """What waits, by its subject."""
    return {matter.subject: matter for matter in client.get(INDEX).context["matters"]}


def under_review(hours=1, **account):
    account = AccountFactory(standing=Standing.REVIEW, **account)
    StandingChange.objects.create(
        account=account, before=0, after=Standing.REVIEW, measure="bounces",
        at=timezone.now() - timedelta(hours=hours),
    )  # fmt: skip
    return account


class TestWhatWaits:
    def test_nothing(self, staff, all_run):
        assert "Nothing waits for you" in text_of(staff.get(INDEX))

    def test_requests_with_their_number_and_the_age_of_the_oldest(self, staff, all_run):
        for name in ("One", "Two"):
            approval.ask(AccountFactory(name=name), "x@x.example", 5_000, "Orders", "Our shop")

        matter = waiting_on(staff)["Requests for more volume"]

        assert (matter.amount, matter.is_late) == ("2", False)
        assert matter.text.startswith("the oldest for 0")
        assert staff.get(matter.url).context["cl"].result_count == 2

    def test_requests_are_late_after_two_days_unless_the_customer_is_asked(self, staff, all_run):
        request = approval.ask(AccountFactory(), "x@x.example", 5_000, "Orders", "Our shop")
        request.asked_at -= timedelta(days=3)
        request.save()
        late = waiting_on(staff)["Requests for more volume"].is_late
        request.question = "Which shop?"
        request.save()

        assert late
        assert not waiting_on(staff)["Requests for more volume"].is_late

    def test_accounts_under_review_late_ones_before_all(self, staff, all_run):
        approval.ask(AccountFactory(), "x@x.example", 5_000, "Orders", "Our shop")
        under_review(hours=1)
        under_review(hours=50)

        first = staff.get(INDEX).context["matters"][0]

        assert (first.subject, first.amount) == ("Accounts under review or paused", "2")
        assert first.is_late
        assert "due 2\xa0hours ago" in first.text

    def test_questions_of_customers_until_they_are_answered(self, staff, all_run):
        account = AccountFactory()
        alice = UserFactory(account=account)
        thread = contact.ask(account, alice, "Bounces", "Why?")
        before = waiting_on(staff)
        entry = thread.entries.get()
        contact.answer(thread, UserFactory(is_staff=True), "Because.", seen=entry.pk)

        assert before["Questions of customers"].amount == "1"
        assert "Questions of customers" not in waiting_on(staff)

    def test_webhooks_with_an_open_breaker(self, staff, all_run):
        account = AccountFactory()
        failing, _ = webhooks.create(account, "https://alices.example/")
        webhooks.create(account, "https://others.example/")
        now = timezone.now()
        Webhook.objects.filter(pk=failing.pk).update(
            paused_until=now + timedelta(minutes=5), failing_since=now - timedelta(hours=3)
        )

        matter = waiting_on(staff)["Webhooks with an open breaker"]

        assert (matter.amount, matter.text) == ("1", "the first fails for 3\xa0hours")
        assert list(staff.get(matter.url).context["cl"].result_list) == [failing]

    def test_unclassified_reports_of_seven_days(self, staff, all_run):
        for days in (1, 8):
            IncomingReport.objects.create(
                recipient=RecipientFactory(), reverse_path="", size=9, digest=bytes([days]),
                state="unclassified", received_at=timezone.now() - timedelta(days=days),
            )  # fmt: skip

        assert waiting_on(staff)["Unclassified reports"].amount == "1"

    def test_mail_that_nobody_fetches(self, staff, all_run):
        RecipientFactory(due_at=timezone.now() - timedelta(minutes=20))

        assert waiting_on(staff)["Mail of the class standard"].amount == "20 min"

    def test_processes_that_do_not_run(self, staff, all_run):
        all_run[:] = [one for one in all_run if one.role != "beat"]

        assert waiting_on(staff)["Processes that do not run"].text == "beat"

    def test_a_redis_that_is_away(self, staff, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        assert waiting_on(staff)["Redis"].is_late
        assert "Redis does not answer" in text_of(staff.get(STATE))

    def test_who_may_see_requests_alone_sees_those_alone(self, client, all_run):
        approval.ask(AccountFactory(), "x@x.example", 5_000, "Orders", "Our shop")
        under_review()
        RecipientFactory(due_at=timezone.now() - timedelta(minutes=20))

        assert set(waiting_on(limited(client, "view_rampuprequest"))) == {
            "Requests for more volume"
        }
        assert client.get(STATE).status_code == 403


class TestState:
    def test_it_shows_queues_held_mail_and_processes(self, staff, all_run):
        RecipientFactory.create_batch(3, due_at=timezone.now() - timedelta(minutes=1))
        AccountFactory(name="Waits", held=1_234)

        page = text_of(staff.get(STATE))

        assert "standard 3 3" in page
        assert "Waits 1,234 1,000,000" in page
        assert "worker priority mx1" in page

    def test_it_says_what_does_not_run_and_what_helps(self, staff, all_run):
        all_run.clear()

        assert "No bounces runs. No bounce or complaint comes in" in text_of(staff.get(STATE))


class TestSearch:
    @pytest.fixture
    def shop(self):
        """An account with one of everything."""
        account = AccountFactory(name="Alice's shop")
        message = MessageFactory(account=account)
        RecipientFactory(message=message, address="Carol@example.net", domain="example.net")
        return account

    def found(self, client, text):
        return {one.kind: one for one in client.get(SEARCH, {"q": text}).context["found"]}

    def test_a_message_by_its_id_and_by_the_message_id_that_it_left_with(self, staff, shop):
        message = MessageFactory(account=shop)
        for text in (str(message.id), message.id.hex, f"<{message.id}@alices.example>"):
            find = self.found(staff, text)["message"]

            assert find.name == str(message.id)
            assert "Alice's shop" in find.note
            assert staff.get(find.url).status_code == 200

    def test_a_message_by_a_message_id_of_its_own(self, staff, shop):
        message = MessageFactory(account=shop, message_id_header="<4711@shop.example>")
        RecipientFactory(message=message)

        assert self.found(staff, "4711@shop.example")["message"].name == str(message.id)

    def test_events_of_a_message_that_is_gone(self, staff):
        event = EventFactory()
        Message.objects.all().delete()

        assert "event" in self.found(staff, str(event.message_id))

    def test_a_recipient_however_it_is_written(self, staff, shop):
        for text in ("Carol@example.net", "carol@EXAMPLE.net"):
            assert self.found(staff, text)["recipient"].name == "Carol@example.net"

    def test_a_recipient_however_old_that_an_event_tells_of(self, staff, shop, monkeypatch):
        monkeypatch.setattr("cloudmta.staff.search.NEWEST", 0)
        old = RecipientFactory(message__account=shop, address="Dave@example.net")
        assert "recipient" not in self.found(staff, "dave@example.net")

        EventFactory(message=old.message, recipient="Dave@example.net")

        assert self.found(staff, "dave@example.net")["recipient"].name == "Dave@example.net"

    def test_who_is_suppressed_and_who_logs_in_by_an_address(self, staff, shop):
        Suppression.objects.create(account=shop, address="carol@example.net", reason="complaint")
        UserFactory(email="carol@example.net", account=shop)

        found = self.found(staff, "Carol@Example.net")

        assert found["suppression"].note == "Alice's shop, complaint"
        assert found["user"].note == "Alice's shop"

    def test_a_domain_and_the_one_of_an_address(self, staff, shop):
        Domain.objects.create(account=shop, name="xn--mnchen-3ya.example")

        assert "domain" in self.found(staff, "münchen.example")
        assert "domain" in self.found(staff, "info@münchen.example")

    def test_an_account_by_id_or_name_and_a_credential_by_both(self, staff, shop):
        credential, _ = authentication.create_credential(shop, "Web server")

        assert self.found(staff, shop.public_id)["account"].name == "Alice's shop"
        assert "account" in self.found(staff, "alice")
        assert "credential" in self.found(staff, credential.username)
        assert "credential" in self.found(staff, "web s")

    @pytest.mark.parametrize(
        "text", ["", "nobody@example.org", "%", "a" * 5_000, "\0", "'; --", "@", "<>", "\u202e@x"]
    )
    def test_what_names_nothing_finds_nothing(self, staff, shop, text):
        response = staff.get(SEARCH, {"q": text})

        assert response.status_code == 200
        assert response.context["found"] == []

    def test_nobody_finds_what_they_may_not_look_at(self, client, shop):
        message = MessageFactory(account=shop)

        assert self.found(limited(client, "view_domain"), str(message.id)) == {}
        assert self.found(client, "alice") == {}

    def test_markup_is_shown_as_text(self, staff):
        AccountFactory(name="<script>alert(1)</script>")

        page = staff.get(SEARCH, {"q": "<script>"}).content.decode()

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("address", [INDEX, STATE, SEARCH])
def test_they_are_not_for_customers(client, address):
    assert client.get(address).headers["Location"].startswith(reverse("admin:login"))
    client.force_login(UserFactory(account=AccountFactory()))

    assert client.get(address).headers["Location"].startswith(reverse("admin:login"))


class TestAccounts:
    def test_each_is_shown_with_state_volume_and_rates(self, staff):
        account = AccountFactory(name="Alice", allowance=1_000, standing=Standing.WARNING)
        VolumeDay.objects.create(
            account=account, day=timezone.now().date(), allowance=1_000, used=250
        )
        for kind, count in ((Kind.DELIVERY, 970), (Kind.BOUNCE, 30), (Kind.COMPLAINT, 2)):
            Tally.objects.create(
                account=account, hour=timezone.now().replace(minute=0, second=0, microsecond=0),
                message_class=1, tag="", kind=kind, count=count,
            )  # fmt: skip

        response = staff.get(ACCOUNTS)
        row = text_of(response)

        assert "warning 250 of 1,000 1,000 3.00 % 0.21 %" in row
        assert "at most 250" in response.content.decode()

    @pytest.mark.parametrize(
        ("state", "fields"),
        [
            ("warning", {"standing": Standing.WARNING}), ("frozen", {"suspended_for": "unpaid"}),
            ("test", {"is_test": True}), ("closed", {"closed_at": timezone.now()}),
        ],
    )  # fmt: skip
    def test_they_are_filtered_by_state(self, staff, state, fields):
        AccountFactory()
        account = AccountFactory(**fields)

        assert list(staff.get(ACCOUNTS, {"state": state}).context["cl"].result_list) == [account]

    def test_the_list_asks_as_often_for_many_as_for_one(self, staff, django_assert_max_num_queries):
        AccountFactory.create_batch(20)

        with django_assert_max_num_queries(6):
            staff.get(ACCOUNTS)

    def test_a_freeze_is_told_to_the_owners_and_stands_in_both_histories(self, staff):
        account = AccountFactory()
        page = reverse("admin:accounts_account_change", args=[account.pk])
        fields = {
            "max_message_size": 10485760, "requests_per_second": 10, "confirmed": "yes",
            "suspended_for": "unpaid since May",
        }  # fmt: skip
        staff.post(page, fields)
        staff.post(page, fields | {"suspended_for": ""})

        assert [one.subject for one in Notice.objects.order_by("id")] == [
            "Your account is frozen", "Your account is free again",
        ]  # fmt: skip
        entries = AuditEntry.objects.order_by("id")
        assert [one.thing for one in entries] == [
            "Frozen because: none → unpaid since May", "Frozen because: unpaid since May → none",
        ]  # fmt: skip
        assert {one.who for one in entries} == {"staff"}
        assert LogEntry.objects.count() == 2

    def test_of_two_who_change_one_the_second_sees_what_the_first_did(self, staff):
        account = AccountFactory()
        page = reverse("admin:accounts_account_change", args=[account.pk])
        fields = {"max_message_size": 10485760, "requests_per_second": 20}
        seen = "Requests per second: 10 → 20"
        Account.objects.update(requests_per_second=50)

        again = staff.post(page, fields | {"confirmed": "yes", "seen": seen})

        assert "Somebody has changed it meanwhile" in text_of(again)
        assert Account.objects.get().requests_per_second == 50
        staff.post(page, fields | {"confirmed": "yes", "seen": "Requests per second: 50 → 20"})
        assert Account.objects.get().requests_per_second == 20

    def test_its_page_leads_to_what_it_has_and_to_nothing_that_one_may_not_see(self, client):
        account = AccountFactory()
        page = reverse("admin:accounts_account_change", args=[account.pk])

        text = text_of(limited(client, "view_account", "view_refusal").get(page))

        assert "Refusals" in text
        assert "Webhooks" not in text

    @pytest.mark.parametrize("number", ["widgets.css", "0", "9" * 30])
    def test_one_that_is_not_there_leads_back(self, staff, number):
        page = reverse("admin:accounts_account_change", args=[number])

        assert staff.get(page).headers["Location"] == INDEX
        assert staff.post(page, {"confirmed": "yes"}).headers["Location"] == INDEX

    def test_the_refusals_of_one_are_not_pushed_out_by_others(self, staff, monkeypatch):
        monkeypatch.setattr("accounts.staff_pages.NEWEST", 2)
        mine = Refusal.objects.create(account=AccountFactory(), door="smtp", reverse_path="")
        other = AccountFactory()
        for _ in range(3):
            Refusal.objects.create(account=other, door="smtp", reverse_path="")

        url = reverse("admin:mail_refusal_changelist")
        listed = staff.get(url, {"account__id__exact": mine.account_id}).context["cl"]

        assert list(listed.result_list) == [mine]


class TestSuppressions:
    @pytest.fixture
    def complaint(self):
        return Suppression.objects.create(
            account=AccountFactory(), address="carol@example.net", reason="complaint"
        )

    def test_staff_take_a_complaint_off_after_a_question(self, staff, complaint):
        page = reverse("admin:events_suppression_delete", args=[complaint.pk])
        question = staff.get(page)
        assert Suppression.objects.exists()
        staff.post(page, {"post": "yes"})

        assert "carol@example.net" in text_of(question)
        assert not Suppression.objects.exists()
        assert str(AuditEntry.objects.get()) == (
            "staff took off the suppressions (complaint) carol@example.net"
        )

    def test_it_takes_the_permission(self, client, complaint):
        page = reverse("admin:events_suppression_delete", args=[complaint.pk])

        assert limited(client, "view_suppression").post(page, {"post": "yes"}).status_code == 403
        assert Suppression.objects.exists()

    def test_they_are_found_on_all_lists_at_once(self, staff, complaint):
        Suppression.objects.create(account=AccountFactory(), address="carol@example.net")

        listed = staff.get(
            reverse("admin:events_suppression_changelist"), {"q": "Carol@Example.net"}
        ).context["cl"]

        assert listed.result_count == 2

    def test_a_list_goes_in_and_out_as_a_file(self, staff, complaint):
        page = reverse("admin:events_suppression_file")
        account, other = complaint.account, AccountFactory()
        Suppression.objects.create(account=other, address="dave@example.net")
        rows = b"carol@example.net,manual\nerin@example.net,manual,left us\nnobody\n"
        file = SimpleUploadedFile("list.csv", rows)

        done = staff.post(page, {"account": account.pk, "file": file}, follow=True)
        out = staff.post(page, {"account": account.pk, "export": "yes"})

        assert "1 new, 0 renewed, 1 complaints left as they are, 1 lines left out" in text_of(done)
        assert "Line 3 was left out" in text_of(done)
        assert b"".join(out.streaming_content).decode().splitlines() == [
            "address,reason,note,expires_at",
            "carol@example.net,complaint,,",
            "erin@example.net,manual,left us,",
        ]
        assert str(AuditEntry.objects.get()) == "staff imported 1 suppressions"
        assert "A whole list as CSV" in text_of(
            staff.get(reverse("admin:events_suppression_changelist"))
        )

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "This field is required"),
            ({"file": b"\xff\xfe\0"}, "UTF-8"),
            ({"account": "99999999", "file": b"a@b.test"}, "Select a valid choice"),
            ({"account": "x", "export": "yes"}, "Select a valid choice"),
        ],
    )
    def test_what_is_no_list_is_told_in_words(self, staff, complaint, given, words):
        given = {"account": complaint.account.pk} | given
        if "file" in given:
            given["file"] = SimpleUploadedFile("list.csv", given["file"])

        page = staff.post(reverse("admin:events_suppression_file"), given)

        assert words in text_of(page)
        assert Suppression.objects.count() == 1

    def test_an_import_takes_its_own_permission(self, client, complaint):
        page = reverse("admin:events_suppression_file")
        file = SimpleUploadedFile("list.csv", b"erin@example.net")
        may_look = limited(client, "view_suppression")

        assert "Import the file" not in text_of(may_look.get(page))
        given = {"account": complaint.account.pk, "file": file}
        assert may_look.post(page, given).status_code == 403
        assert limited(client, "view_webhook").get(page).status_code == 403
        assert Suppression.objects.count() == 1


def test_the_header_of_an_unclassified_report_is_shown_as_text(staff):
    report = IncomingReport.objects.create(
        recipient=RecipientFactory(), reverse_path="", size=9, digest=b"\0", state="unclassified",
        content=b"Subject: <script>\xff\r\nFrom: x@x.example\r\n\r\nthe body\r\n",
    )  # fmt: skip

    page = staff.get(reverse("admin:mail_incomingreport_change", args=[report.pk]))

    assert "Subject: &lt;script&gt;\ufffd" in page.content.decode()
    assert "the body" not in page.content.decode()


def test_the_audit_trail_is_filtered_by_who_it_was(staff):
    account = AccountFactory()
    for who in ("staff", "alice@alices.example"):
        AuditEntry.objects.create(account=account, who=who, verb="changed")
    url = reverse("admin:accounts_auditentry_changelist")

    shown = [one.who for one in staff.get(url, {"by": "staff"}).context["cl"].result_list]

    assert shown == ["staff"]


def test_redis_itself_is_asked_who_lives(staff, settings, monkeypatch):
    def away():
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(presence, "present", away)

    assert "Redis" in waiting_on(staff)
