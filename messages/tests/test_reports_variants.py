"""Notifications by RFC 3464 and 6533, and by those who read only half of them."""

import pytest

from messages import reports
from messages.reports import Report

HEAD = b"""From: MAILER-DAEMON@mx.example.net
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.

--b
Content-Type: %b

"""
ABOUT = b"Reporting-MTA: dns; mx.example.net\nArrival-Date: Tue, 3 Nov 2026 10:12:00 +0100\n\n"
CAROL = b"Final-Recipient: rfc822; carol@example.net\nAction: failed\nStatus: 5.1.1\n"
DAVE = b"Final-Recipient: rfc822; dave@example.net\nAction: failed\nStatus: 5.2.2\n"


def notification(status: bytes, media_type: bytes = b"message/delivery-status") -> bytes:
    return HEAD % media_type + status + b"\n--b--\n"


def read(status: bytes, media_type: bytes = b"message/delivery-status") -> list[Report]:
    return reports.read(notification(status, media_type))


def named(found: list[Report]) -> list[tuple[str, str]]:
    return [(report.recipient, report.status) for report in found]


BOTH = [("carol@example.net", "5.1.1"), ("dave@example.net", "5.2.2")]


@pytest.mark.parametrize(
    "status",
    [
        ABOUT + CAROL + b"\n" + DAVE,
        ABOUT + CAROL + DAVE,
        ABOUT.strip() + b"\n" + CAROL + b"\n\n \n" + DAVE,
        CAROL + b"\n" + DAVE,
        ABOUT + CAROL.replace(b"\nAction", b"\n\nAction") + b"\n" + DAVE,
        ABOUT + b"Original-Recipient: rfc822;c@old.test\n" + CAROL + b"\nStatus: 5.2.2\n"
        b"Action: failed\nOriginal-Recipient: rfc822;d@o.test\nFinal-Recipient: dave@example.net\n",
        (ABOUT + CAROL + b"\n" + DAVE).replace(b"\n", b"\r\n"),
        (ABOUT + CAROL + b"\n" + DAVE).upper().replace(b"@EXAMPLE.NET", b"@example.net"),
    ],
    ids=["proper", "no blank line", "no blank line and many", "nothing about the message",
         "a blank line too much", "another order", "CRLF", "upper case"],
)  # fmt: skip
def test_each_recipient_is_told_apart(status):
    assert [(name.lower(), code) for name, code in named(read(status))] == BOTH


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "Delivered (to a list)"])
def test_a_success_is_nothing(action):
    success = CAROL.replace(b"failed", action.encode()).replace(b"5.1.1", b"2.0.0")

    assert read(ABOUT + success) == []
    assert named(read(ABOUT + success + b"\n" + DAVE)) == BOTH[1:]


def test_a_delay_is_no_bounce():
    (report,) = read(ABOUT + CAROL.replace(b"failed", b"delayed").replace(b"5.1.1", b"4.4.1"))

    assert (report.kind, report.permanent, report.suppresses) == ("soft_bounce", False, False)


def test_who_gave_up_after_days_bounces_without_saying_for_ever():
    (report,) = read(ABOUT + CAROL.replace(b"5.1.1", b"4.4.7"))

    assert (report.kind, report.reason, report.permanent) == ("bounce", "expired", False)
    assert not report.suppresses


def test_a_vague_status_gives_way_to_what_the_server_said():
    (report,) = read(
        ABOUT
        + CAROL.replace(b"5.1.1", b"5.0.0")
        + b"Diagnostic-Code: smtp; 550 5.2.1 The account\n is disabled\n"
    )

    assert (report.status, report.reason) == ("5.2.1", "inactive_mailbox")
    assert report.diagnostic == "550 5.2.1 The account is disabled"


def test_a_challenge_in_the_form_of_a_notification_is_no_bounce():
    words = b"Please add yourself to my guest list.\nClick here to be added, and it is delivered."
    held = ABOUT + CAROL.replace(b"5.1.1", b"4.7.0") + b"Diagnostic-Code: X-Notice; not approved\n"
    refused = ABOUT + CAROL.replace(b"5.1.1", b"5.7.1") + b"Diagnostic-Code: smtp; 550 No\n"

    challenge, refusal = (
        notification(status).replace(b"Your message could not be delivered.", words)
        for status in (held, refused)
    )

    assert reports.read(challenge) == []
    assert [one.kind for one in reports.read(refusal)] == ["blocked"]


def test_where_the_fields_say_nothing_the_words_do():
    words = b"Failed to deliver to 'carol@example.net'\nLOCAL module reports:\n account is full"
    said = notification(ABOUT + CAROL.replace(b"5.1.1", b"5.0.0"))

    (report,) = reports.read(said.replace(b"Your message could not be delivered.", words))

    assert report.reason == "mailbox_full"
    assert report.diagnostic.endswith("LOCAL module reports: account is full")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (b"rfc822;carol@example.net", "carol@example.net"),
        (b"RFC822 ; <carol@example.net>", "carol@example.net"),
        (b"carol@example.net", "carol@example.net"),
        (b"utf-8; j\xc3\xb6rg@b\xc3\xbccher.test", "jörg@bücher.test"),
        (b"utf-8; j\\x{F6}rg@b\\x{FC}cher.test", "jörg@bücher.test"),
        (b'rfc822; "a b"@example.net', '"a b"@example.net'),
        (b"unknown; carol", "carol"),
    ],
)
def test_addresses_are_read_as_they_are_written(written, address):
    status = CAROL.replace(b"rfc822; carol@example.net", written)

    assert named(read(ABOUT + status, b"message/global-delivery-status")) == [(address, "5.1.1")]


def test_a_pipe_is_not_the_recipient_if_the_original_names_one():
    piped = CAROL.replace(b"carol@example.net", b"|/usr/bin/vacation carol")
    content = notification(ABOUT + piped).replace(
        b"--b--", b"--b\nContent-Type: message/rfc822\n\nTo: Carol <carol@example.net>\n\nHi\n--b--"
    )

    assert named(reports.read(content)) == [("carol@example.net", "5.1.1")]


@pytest.mark.parametrize(
    "damage",
    [
        (b'boundary="b"', b'boundary="other"'),
        (b'boundary="b"', b""),
        (b"\n--b--", b""),
        (b"--b", b" --b"),
        (b"Content-Type: message/delivery-status\n",
         b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: 7bit; x\n"),
    ],
    ids=["another boundary", "no boundary", "no end", "blanks in front", "a strange encoding"],
)  # fmt: skip
def test_a_damaged_frame_hides_nothing(damage):
    assert named(reports.read(notification(ABOUT + CAROL).replace(*damage))) == BOTH[:1]


def test_a_notification_within_another_mail_is_that_gateways_doing():
    inner = notification(ABOUT + CAROL)
    outer = (
        b"From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail Returned to Sender\n"
        b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n"
    )

    assert named(reports.read(outer + inner + b"\n--o--\n")) == BOTH[:1]
    assert reports.read(outer.replace(b"MAILER-DAEMON@mx", b"dave@") + inner + b"\n--o--\n") == []


@pytest.mark.parametrize(
    "date", [b"", b"yesterday", b"99 Foo 99999", b"Tue, 3 Nov 2026 10:12:00 XYZ"]
)
def test_an_odd_date_is_no_obstacle(date):  # fmt: skip
    about = ABOUT.replace(b"Tue, 3 Nov 2026 10:12:00 +0100", date)

    assert named(read(about + CAROL)) == BOTH[:1]


class TestComplaints:
    ABUSE = (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        b"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n%b\n"
        b"--b\nContent-Type: message/rfc822\n\nTo: <redacted>\nMessage-ID: <7@alice.example>\n"
        b"\n--b--\n"
    )

    def test_a_redacted_one_still_names_the_message(self):
        (report,) = reports.read(self.ABUSE % b"Original-Rcpt-To: \n")

        assert (report.kind, report.recipient) == ("complaint", "")
        assert report.original.message_id == "<7@alice.example>"

    def test_one_about_several_is_several(self):
        found = reports.read(
            self.ABUSE % b"Original-Rcpt-To: <a@x.test>\nOriginal-Rcpt-To: <b@x.test>\n"
        )

        assert [report.recipient for report in found] == ["a@x.test", "b@x.test"]

    @pytest.mark.parametrize("kind", [b"not-spam", b"auth-failure", b"Not-Spam"])
    def test_other_reports_are_none(self, kind):
        assert reports.read((self.ABUSE % b"").replace(b": abuse", b": " + kind)) == []

    def test_microsofts_loop_sends_the_message_alone(self):
        (report,) = reports.read(
            b"From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\n"
            b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
            b"X-HmXmrOriginalRecipient: carol@example.net\nMessage-ID: <7@alice.example>\n\n--b--\n"
        )

        assert (report.kind, report.recipient) == ("complaint", "carol@example.net")

    def test_or_it_passes_the_message_on_as_it_is(self):
        (report,) = reports.read(
            b"Return-Path: <staff@hotmail.com>\nX-HmXmrOriginalRecipient: carol@example.net\n"
            b"From: shop@alice.example\nSubject: Your order\n\nHello\n"
        )

        assert (report.kind, report.recipient) == ("complaint", "carol@example.net")

    def test_apples_unsubscribe_says_enough(self):
        (report,) = reports.read(
            b"From: carol@example.net\nSubject: unsubscribe\nX-Apple-Unsubscribe: true\n\n."
        )

        assert (report.kind, report.reason) == ("complaint", "unsubscribed")
