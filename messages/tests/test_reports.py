"""What comes back is read: who it is about, what happened, and which message it was."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from events.reasons import Reason
from messages import reports

MAILS = Path(__file__).parent / "reports"
TOKEN = "00000000000000070123456789abcdef01234567"


def read(name: str) -> list[reports.Report]:
    return reports.read((MAILS / name).read_bytes())


class TestNotifications:
    def test_it_tells_who_did_not_get_the_message_and_why(self) -> None:
        [report] = read("postfix.eml")

        assert report.recipient == "carol@example.net"
        assert (report.kind, report.status, report.permanent) == ("bounce", "5.1.1", True)
        assert report.reason == Reason.INVALID_ADDRESS
        assert report.suppresses
        assert report.diagnostic == (
            "550 5.1.1 <carol@example.net>: Recipient address rejected: User unknown"
        )
        assert report.reporter == "mx.example.net"

    def test_it_tells_which_message_it_is_about(self) -> None:
        [report] = read("postfix.eml")

        original = report.original
        assert original.message_id == "<order-7@alice.example>"
        assert original.reverse_path == f"bounces+{TOKEN}@mta.alice.example"
        assert original.values("x-order") == ["7"]
        assert original.values("subject") == ["Your order № 7"]
        assert original.arrival_date == datetime(2026, 11, 3, 9, 12, tzinfo=UTC)


class TestComplaints:
    def test_it_tells_who_complained_about_which_message(self) -> None:
        [report] = read("abuse.eml")

        assert (report.recipient, report.kind) == ("carol@example.net", "complaint")
        assert report.reason == Reason.COMPLAINT
        assert report.suppresses
        assert report.original.message_id == "<order-7@alice.example>"
        assert report.original.reverse_path == f"bounces+{TOKEN}@mta.alice.example"


def test_an_ordinary_mail_reports_nothing() -> None:
    assert reports.read(b"Subject: Hello\r\n\r\nHow are you?\r\n") == []


def test_reading_and_judging_needs_no_django() -> None:
    look = "import sys, messages.reports, messages.classifier; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", look], cwd=MAILS.parents[2]).returncode == 0
