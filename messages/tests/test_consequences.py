"""What a report that came in comes to, by the recipient whom its token named."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from events.models import Event, Suppression, Tally
from events.suppressions import Entry, put
from messages import audit, consequences, incoming, reader
from messages.models import IncomingReport, Recipient, State
from messages.reports import Report
from messages.tests.factories import EventFactory, MessageFactory, RecipientFactory

pytestmark = pytest.mark.django_db

READ, UNCLASSIFIED = IncomingReport.State.READ, IncomingReport.State.UNCLASSIFIED
CAROL = "carol@example.net"


def group(recipient=CAROL, action="failed", status="5.1.1", code="550 5.1.1 User unknown"):
    return (
        f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {code}\n"
    )


def notification(*groups):
    told = "\n".join(groups or (group(),))
    return _as_mail("delivery-status", f"Reporting-MTA: dns; mx.example.net\n\n{told}")


def abuse(kind="abuse"):
    return _as_mail("feedback-report", f"Feedback-Type: {kind}\nUser-Agent: x\nVersion: 1\n")


def _as_mail(kind, told):
    text = f"""From: postmaster@example.net
Subject: About your mail
Content-Type: multipart/report; report-type={kind}; boundary=b

--b
Content-Type: text/plain

Read on.
--b
Content-Type: message/{kind}

{told}
--b--
"""
    return text.replace("\n", "\r\n").encode()


def delivered(**message):
    return RecipientFactory(
        message=MessageFactory(tags=["welcome"], metadata={"order": 1}, **message),
        address=CAROL,
        state=State.DELIVERED,
    )


def came(recipient, content, **fields):
    return IncomingReport.objects.create(
        recipient=recipient, reverse_path="", size=len(content), content=content,
        digest=hashlib.sha256(content).digest(), **fields,
    )  # fmt: skip


def read(recipient, content):
    """Take a report in, read it, and return its row."""
    report = came(recipient, content)
    reader.read_all()
    report.refresh_from_db()
    return report


def told():
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def on_list():
    return list(Suppression.objects.values_list("address", "reason"))


class TestEvents:
    def test_a_bounce_is_told_with_all_that_is_known_of_the_message(self):
        recipient = delivered()

        report = read(recipient, notification())

        event = Event.objects.get()
        message = recipient.message
        assert (event.kind, event.recipient, event.message_id) == ("bounce", CAROL, message.id)
        assert (event.account, event.message_id_header) == (
            message.account, message.message_id_header,
        )  # fmt: skip
        assert (event.tags, event.metadata) == (["welcome"], {"order": 1})
        assert event.timestamp == report.received_at
        assert event.details["source"] == "report"
        assert event.details["enhanced_code"] == "5.1.1"
        assert "User unknown" in event.details["smtp_response"]
        assert report.state == READ
        assert Tally.objects.get(tag="welcome").kind == "bounce"

    def test_the_recipient_stays_where_it_was(self):
        recipient = delivered()

        read(recipient, notification())

        assert Recipient.objects.get().state == State.DELIVERED

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (notification(group(action="delayed", status="4.4.1", code="x")), "soft_bounce"),
            (abuse(), "complaint"),
        ],
    )
    def test_each_kind(self, content, kind):
        read(delivered(), content)

        assert told() == [kind]

    @pytest.mark.parametrize("action", ["relayed", "delivered", "expanded"])
    def test_good_news_is_none(self, action):
        report = read(delivered(), notification(group(action=action, status="2.0.0", code="250")))

        assert (told(), report.state) == ([], IncomingReport.State.IGNORED)

    def test_whom_the_report_names_changes_nothing(self):
        read(delivered(), notification(group("somebody@else.example")))

        assert Event.objects.get().recipient == CAROL

    def test_of_several_recipients_ours_counts(self):
        other = group("dave@example.net")
        delayed = group(CAROL.upper(), "delayed", "4.4.1", "x")

        read(delivered(), notification(other, delayed))

        assert told() == ["soft_bounce"]

    def test_of_several_others_the_gravest_counts(self):
        delayed = group("dave@example.net", "delayed", "4.4.1", "x")

        read(delivered(), notification(delayed, group("erin@example.net"), delayed))

        assert told() == ["bounce"]

    @pytest.mark.parametrize(("reverse_path", "kinds"), [("", ["bounce"]), ("bob@x.test", [])])
    def test_what_comes_from_nobody_is_a_notice_sooner(self, reverse_path, kinds):
        words = (
            b"From: robot@example.net\r\nSubject: about your mail\r\n\r\n"
            b"Your message could not be delivered to the following recipient:\r\n\r\n"
            b"<carol@example.net>: 550 5.1.1 User unknown\r\n"
        )
        report = came(delivered(), words)
        report.reverse_path = reverse_path
        report.save()

        reader.read_all()

        assert told() == kinds

    def test_a_test_message_counts_nowhere(self):
        read(delivered(is_test=True), notification())

        assert Event.objects.get().is_test
        assert (Tally.objects.count(), on_list()) == (0, [])

    def test_what_postgresql_cannot_keep_is_left_out(self):
        report = read(delivered(), notification(group(code="550 \0\ud800 gone".encode(
            "utf-8", "surrogatepass").decode("latin-1"))))  # fmt: skip

        assert (told(), report.state) == (["bounce"], READ)


@settings(deadline=None, max_examples=300)
@given(*[st.text(st.characters(), max_size=30)] * 3)
def test_whatever_a_report_says_can_be_kept(status, diagnostic, reporter):
    said = Report(CAROL, "bounce", status, diagnostic=diagnostic, reporter=reporter)

    kept = json.dumps(consequences.details_of(said), ensure_ascii=False)

    assert "\\u0000" not in kept
    kept.encode()  # no half of a character


class TestOnce:
    def test_read_again_it_tells_nothing_new(self):
        recipient = delivered()
        read(recipient, notification())

        reader.read_all()

        assert told() == ["bounce"]

    @pytest.mark.parametrize("content", [notification(), abuse()])
    def test_another_report_of_the_same_tells_nothing_new(self, content):
        recipient = delivered()
        read(recipient, content)

        report = read(recipient, b"Received: from somewhere else\r\n" + content)

        assert len(told()) == 1
        assert report.note.endswith("; known already")

    def test_nor_does_one_that_is_read_together_with_it(self):
        recipient = delivered()
        for copy in range(3):
            came(recipient, b"Received: from %d\r\n" % copy + notification())

        reader.read_all()

        assert told() == ["bounce"]

    def test_what_our_own_attempt_has_told_is_known(self):
        recipient = delivered()
        recipient.state = State.BOUNCED
        recipient.save()
        EventFactory(message=recipient.message, recipient=CAROL, kind="bounce")

        read(recipient, notification())

        assert told() == ["bounce"]

    def test_each_delay_is_told(self):
        recipient = delivered()
        delayed = notification(group(action="delayed", status="4.4.1", code="x"))

        read(recipient, delayed)
        read(recipient, b"Received: a day later\r\n" + delayed)

        assert told() == ["soft_bounce", "soft_bounce"]

    @pytest.mark.django_db(transaction=True)
    def test_readers_at_the_same_time_share_the_work(self):
        recipients = [delivered() for _ in range(20)]
        for recipient in recipients:
            came(recipient, notification())

        def work():
            try:
                reader.read_all()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as readers:
            for done in [readers.submit(work) for _ in range(4)]:
                done.result()

        assert told() == ["bounce"] * 20
        assert not IncomingReport.objects.exclude(state=READ).exists()


class TestSuppressions:
    def test_a_mailbox_that_is_gone_is_written_to_no_more(self):
        recipient = delivered()

        read(recipient, notification())

        suppression = Suppression.objects.get()
        assert (suppression.account, suppression.address) == (recipient.account, CAROL)
        assert (suppression.reason, suppression.message_id) == ("bounce", recipient.message_id)
        assert "User unknown" in suppression.note

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ("5.7.1", "550 5.7.1 Blocked by policy"),
            ("5.2.2", "552 5.2.2 Mailbox full"),
            ("5.4.7", "delivery time expired"),
            ("4.2.2", "452 4.2.2 Mailbox full"),
        ],
    )
    def test_what_is_not_the_recipients_own_does_not(self, status, code):
        read(delivered(), notification(group(status=status, code=code)))

        assert len(told()) == 1
        assert on_list() == []

    def test_nor_does_a_failure_of_whom_it_forwards_to(self):
        read(delivered(), notification(group("carol@forwarded.example")))

        assert (told(), on_list()) == (["bounce"], [])

    @pytest.mark.parametrize("name", ["c.smith@example.net", "carol", "/o=walls/cn=carol"])
    def test_but_another_name_of_the_mailbox_does(self, name):
        read(delivered(), notification(group(name)))

        assert on_list() == [(CAROL, "bounce")]

    def test_a_complaint_does(self):
        read(delivered(), abuse())

        assert on_list() == [(CAROL, "complaint")]

    @pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
    def test_feedback_of_other_kinds_does_not(self, kind):
        read(delivered(), abuse(kind))

        assert (told(), on_list()) == ([], [])

    @pytest.mark.parametrize("listed_for", ["complaint", "manual"])
    def test_a_bounce_adds_nothing_to_what_is_there(self, listed_for):
        recipient = delivered()
        put(recipient.account, [Entry(CAROL, Suppression.Reason(listed_for))])

        read(recipient, notification())

        assert on_list() == [(CAROL, listed_for)]

    @pytest.mark.parametrize("listed_for", ["bounce", "manual", "unsubscribe"])
    def test_a_complaint_weighs_more_than_all_else(self, listed_for):
        recipient = delivered()
        put(recipient.account, [Entry(CAROL, Suppression.Reason(listed_for), "asked us to")])

        read(recipient, abuse())

        assert on_list() == [(CAROL, "complaint")]
        assert Suppression.objects.get().message_id == recipient.message_id

    @pytest.mark.parametrize("order", [1, -1])
    def test_nor_does_one_that_is_read_together_with_it(self, order):
        recipient = delivered()
        for content in (notification(), abuse())[::order]:
            came(recipient, content)

        reader.read_all()

        assert on_list() == [(CAROL, "complaint")]

    def test_the_list_has_one_form_of_an_address(self):
        recipient = delivered()
        recipient.address, recipient.domain = "Carol@BÜCHER.example", "xn--bcher-kva.example"
        recipient.save()

        read(recipient, abuse())

        assert on_list() == [("carol@xn--bcher-kva.example", "complaint")]


class TestWhatCannotBeRead:
    def test_it_says_what_it_was(self):
        report = read(
            delivered(), b"From: Carol <carol@x.test>\r\nSubject: =?utf-8?q?H=C3=A9?=\r\n"
        )

        assert report.state == UNCLASSIFIED
        assert report.note == "Nothing to report. from: Carol <carol@x.test>; subject: Hé"

    def test_the_answer_of_a_machine_is_nothing_for_staff_to_see(self):
        report = read(
            delivered(),
            b"From: Carol <carol@x.test>\r\nSubject: Re: Hello\r\nAuto-Submitted: auto-replied\r\n"
            b"\r\nI am away.\r\n",
        )

        assert report.state == IncomingReport.State.IGNORED
        assert report.note == "Nothing to report. from: Carol <carol@x.test>; subject: Re: Hello"

    def test_a_message_that_was_deleted_is_nobodys(self):
        report = came(delivered(), notification())
        Recipient.objects.filter(pk=report.recipient_id)._raw_delete("default")

        reader.read_all()

        report.refresh_from_db()
        assert (report.state, report.note, told()) == (READ, "The message is gone", [])

    def test_one_that_fails_does_not_hold_up_the_others(self, caplog):
        # Nothing known makes reading fail; a message of a class of a later version does.
        broken, sound = delivered(), delivered()
        broken.message_class = 77
        broken.save()
        first, second = came(broken, notification()), came(sound, notification())

        reader.read_all()

        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state) == (UNCLASSIFIED, READ)
        assert first.note == "Reading it failed: see the log"
        assert "could not be read" in caplog.text

    def test_nor_does_one_that_cannot_be_written(self, caplog):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events_event ADD CHECK (recipient <> 'broken@x.test')")
        broken, *sound = [delivered() for _ in range(3)]
        broken.address = "broken@x.test"
        broken.save()
        reports = [came(recipient, notification()) for recipient in (sound[0], broken, sound[1])]

        reader.read_all()

        states = [IncomingReport.objects.get(pk=report.pk).state for report in reports]
        assert states == [READ, UNCLASSIFIED, READ]
        assert told() == ["bounce", "bounce"]
        assert "could not be written" in caplog.text


class TestPruning:
    def test_octets_go_first_and_then_the_row_and_the_unread_stay(self):
        recipient = delivered()
        ages = {31: READ, 91: UNCLASSIFIED, 92: IncomingReport.State.UNREAD}
        for days, state in ages.items():
            came(
                recipient, b"%d" % days, state=state,
                received_at=timezone.now() - timedelta(days=days),
            )  # fmt: skip
        came(recipient, b"new", state=READ)

        incoming.prune()

        left = [row.content and bytes(row.content) for row in IncomingReport.objects.order_by("id")]
        assert left == [None, b"92", b"new"]


@pytest.mark.django_db(transaction=True)
def test_the_books_add_up_whichever_comes_first():
    """A bounce is reported while we still try: the reply to the final dot was lost."""
    recipient = delivered()
    recipient.state = State.DEFERRED
    recipient.due_at, recipient.settled_at = timezone.now(), None
    recipient.save()
    read(recipient, notification())
    Recipient.objects.update(state=State.BOUNCED, due_at=None, settled_at=timezone.now())
    EventFactory(message=recipient.message, recipient=CAROL, kind="bounce", details={})
    Tally.objects.all().delete()

    faults = audit.take().faults

    assert not [fault for fault in faults if "bounce event" in fault]
