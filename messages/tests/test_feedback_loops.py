"""Abuse reports that came to an address of the operator's: the returned message is the proof."""

import os

import pytest
from django.core.management import CommandError, call_command

from domains.models import Domain
from events.models import Event, Suppression
from messages import bounce_address, incoming, reader
from messages.models import IncomingReport, State
from messages.tests.factories import RecipientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def carol():
    """A recipient of mail that Alice has sent."""
    recipient = RecipientFactory(address="carol@example.net", state=State.DELIVERED)
    Domain.objects.create(account=recipient.account, name="alices.example")
    return recipient


def abuse(reverse_path, kind="abuse", of_original=""):
    """What a provider writes: the recipient's address is blacked out, the reverse-path is not."""
    return f"""From: staff@hotmail.test
To: loops@operator.example
Subject: complaint about message from 192.0.2.25
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

This is an abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Loop/1
Version: 1
{reverse_path and f"Original-Mail-From: <{reverse_path}>"}

--b
Content-Type: message/rfc822

{of_original}From: shop@alices.example
To: <redacted>
Subject: Your order

Hello
--b--
""".encode()


def feedback(tmp_path, content):
    mail = tmp_path / "mail"
    mail.write_bytes(content)
    call_command("feedback", str(mail))


def refusal(tmp_path, content):
    with pytest.raises(CommandError) as refused:
        feedback(tmp_path, content)
    assert not IncomingReport.objects.exists()
    return refused.value


def test_it_makes_a_complaint_and_a_suppression(tmp_path, carol):
    path = bounce_address.of(carol.id, "mta.alices.example")

    feedback(tmp_path, abuse(path))
    feedback(tmp_path, abuse(path))  # the loop sends it twice
    reader.read_all()

    (event,) = Event.objects.all()
    assert (event.kind, event.recipient) == ("complaint", "carol@example.net")
    assert event.message_id == carol.message_id
    assert [*Suppression.objects.values_list("address", "reason")] == [
        ("carol@example.net", "complaint")
    ]


def test_the_return_path_of_the_message_is_as_good(tmp_path, carol):
    path = bounce_address.of(carol.id, "mta.alices.example")

    feedback(tmp_path, abuse("", of_original=f"Return-Path: <{path}>\n"))

    assert IncomingReport.objects.get().recipient == carol


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam"])
def test_what_is_no_complaint_is_not_taken(tmp_path, carol, kind):
    path = bounce_address.of(carol.id, "mta.alices.example")

    assert "no abuse report" in str(refusal(tmp_path, abuse(path, kind)))


@pytest.mark.parametrize(
    "forge",
    [
        lambda path: path[:-20] + ("0" if path[-20] != "0" else "1") + path[-19:],
        lambda path: path.replace("alices.example", "mallorys.example"),
        lambda path: "carol@example.net",
        lambda path: "",
    ],
    ids=["token", "domain", "another address", "nothing"],
)
def test_a_forged_one_is_not_taken(tmp_path, carol, forge):
    path = forge(bounce_address.of(carol.id, "mta.alices.example"))

    assert refusal(tmp_path, abuse(path)).returncode == os.EX_DATAERR


@pytest.mark.parametrize("content", [b"", b"\0", b"Subject: Hello\n\nHow are you?\n"])
def test_what_is_no_report_at_all_is_not_taken(tmp_path, content):
    assert refusal(tmp_path, content).returncode == os.EX_DATAERR


def test_of_a_message_that_is_gone_it_says_so(tmp_path, carol):
    path = bounce_address.of(carol.id + 1, "mta.alices.example")

    assert "is gone" in str(refusal(tmp_path, abuse(path)))


def test_one_recipient_does_not_fill_the_disk(tmp_path, carol, monkeypatch):
    monkeypatch.setattr(incoming, "MAX_REPORTS", 0)
    path = bounce_address.of(carol.id, "mta.alices.example")

    assert "too many" in str(refusal(tmp_path, abuse(path)))
