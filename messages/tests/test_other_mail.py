"""Mail at the bounce door that reports nothing, whatever it sounds like; and what is a notice."""

import pytest

from messages import reports

# RFC 3834 §3.3 has them come from nobody, as notices do.
ANSWERS = [
    ("Re: Your order", "I am away until Monday and cannot be reached. Try bob@example.net."),
    ("Automatic reply: Your order", "Your mail could not be delivered to me in person."),
    ("Re: Ihre Bestellung", "Ich bin bis zum 5.12. nicht erreichbar: +49 451 2345."),
    ("Carol has left", "Carol works here no longer, her account was disabled: bob@example.net"),
    ("[Ticket 55] Your order", "This mailbox is not read. Your mail was not sent to an agent."),
    ("Re: Your order", "I am on leave. My mailbox may be full, so please send it again in March."),
    ("Thank you for writing to us", "Mails with attachments are automatically rejected."),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "words"), ANSWERS)
@pytest.mark.parametrize("mark", ["Auto-Submitted: auto-replied", "X-Mailer: Vacation/1.0"])
@pytest.mark.parametrize("reverse_path", ["", "carol@example.net"])
def test_the_answer_of_somebody_who_is_away_is_no_bounce(subject, words, mark, reverse_path):
    mail = (
        f"Return-Path: <{reverse_path}>\nFrom: Carol <carol@example.net>\nSubject: {subject}\n"
        f"{mark}\n\n{words}\n"
    )

    assert reports.read(mail.encode()) == []


@pytest.mark.parametrize(
    ("sender", "subject", "words"),
    [
        ("MAILER-DAEMON@mx.test", "Your order", "carol@example.net: user unknown"),
        ("Robot <robot@mx.test>", "Undeliverable: Your order", "carol@example.net: no thanks"),
        (
            "Guard <guard@mx.test>",
            "**Message you sent blocked by our filter**",
            "Your message to carol@example.net has NOT BEEN DELIVERED",
        ),
        ("Robot <robot@mx.test>", "Your order", "Not delivered: carol@example.net: 550 5.1.1 No"),
    ],
)
def test_what_two_of_three_say_is_a_notice(sender, subject, words):
    mail = f"Return-Path: <>\nFrom: {sender}\nSubject: {subject}\n\n{words}\n"

    assert [one.recipient for one in reports.read(mail.encode())] == ["carol@example.net"]


@pytest.mark.parametrize(
    ("field", "words", "is_known"),
    [
        ("Auto-Submitted: auto-replied", "I am away", True),
        ("Auto-Submitted: auto-generated", "We have your question, number 55", True),
        ("X-Autoreply: yes", "I am away", True),
        ("Content-Type: text/plain", "Please confirm that you are a person: click here", True),
        ("Content-Type: text/plain", "Your message has been successfully delivered", True),
        ("Content-Type: text/plain", "Hello, it is me", False),
    ],
)
def test_what_reports_nothing_may_be_of_a_known_kind(field, words, is_known):
    mail = f"From: Carol <carol@example.net>\nSubject: Re: Your order\n{field}\n\n{words}\n"

    assert reports.is_other(mail.encode()) is is_known


def test_what_the_mail_system_says_and_we_do_not_understand_is_for_staff():
    mail = b"From: MAILER-DAEMON@x.test\nAuto-Submitted: auto-replied\nSubject: Oops\n\nHm.\n"

    assert reports.read(mail) == []
    assert not reports.is_other(mail)


@pytest.mark.parametrize(
    ("sender", "subject", "words"),
    [
        (
            "postmaster@example.net",
            "Out of office: Your order",
            "He cannot be reached until Monday",
        ),
        ("MicrosoftExchange@x.test", "Automatic reply: Your order", "It was not delivered to me."),
        ("postmaster@x.test", "Report Domain: a.test Submitter: x.test", "Rejected: 3, failed: 5"),
        ("postmaster@x.test", "DMARC aggregate report", "3 messages were rejected by policy"),
        ("postmaster@x.test", "Quarantine summary", "2 messages were not delivered to you"),
        ("postmaster@x.test", "Your mailbox is almost full", "When full, nothing is delivered."),
        ("DPD <no-reply@dpd.test>", "Delivery failed", "Your parcel could not be delivered today."),
    ],
)
@pytest.mark.parametrize("reverse_path", ["", "mailer@x.test"])
def test_what_only_sounds_like_a_notice_is_none(sender, subject, words, reverse_path):
    mail = f"Return-Path: <{reverse_path}>\nFrom: {sender}\nSubject: {subject}\n\n{words}\n"

    assert reports.read(mail.encode()) == []
