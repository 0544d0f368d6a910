"""What the simulated world writes back, as others read it."""

from email import message_from_bytes, policy

import pytest

from cloudmta.simulator.reports import HOST, Taken, answer_to
from messages import reports
from messages.simulated import Outcome

ADDRESS = "bounces+00@mta.alices.example"
CAROL = "late-bounce+carol@sim.test"
CONTENT = b"From: alice@alices.example\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\n\r\nIt works.\r\n"


def letter(outcome, content=CONTENT):
    return answer_to(outcome, Taken(ADDRESS, CAROL, content))


@pytest.mark.parametrize(
    ("outcome", "reverse_path"),
    [
        (Outcome.LATE_BOUNCE, ""),
        (Outcome.COMPLAINED, "feedback@sim.test"),
        (Outcome.AUTO_REPLY, ""),
    ],
)
@pytest.mark.parametrize(
    "content", [CONTENT, b"", b"\r\n\r\n", b"Subject: \xff\xfe\r\n\r\n", b"X: " + b"y" * 50_000]
)
def test_it_is_a_mail_without_a_fault_to_whom_we_wrote_from(outcome, reverse_path, content):
    written = letter(outcome, content)

    mail = message_from_bytes(written.content, policy=policy.SMTP)
    assert (written.reverse_path, written.recipient) == (reverse_path, ADDRESS)
    assert mail["To"] == ADDRESS
    assert mail["Date"].datetime.tzinfo
    assert [part.defects for part in mail.walk() if part.defects] == []


def test_a_bounce_says_who_and_why():
    (report,) = reports.read(letter(Outcome.LATE_BOUNCE).content)

    assert (report.kind, report.recipient, report.status) == ("bounce", CAROL, "5.1.1")
    assert report.suppresses
    assert (report.reporter, report.original.message_id) == (HOST, "<1@x>")


def test_a_complaint_names_the_reverse_path():
    (report,) = reports.read(letter(Outcome.COMPLAINED).content)

    assert (report.kind, report.original.reverse_path) == ("complaint", ADDRESS)


def test_the_answer_of_a_machine_is_no_report():
    assert reports.read(letter(Outcome.AUTO_REPLY).content) == []


def test_nobody_answers_other_mail():
    assert letter(Outcome.DELIVERED) is None
    assert answer_to(Outcome.LATE_BOUNCE, Taken("", CAROL, CONTENT)) is None
