"""Customers program against the closed list of reasons: what it holds is what they can read."""

import re
from pathlib import Path

from events.reasons import SUPPRESSING, Reason

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "events.md"


def test_the_document_explains_each_reason_and_no_other() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("\n## Reasons\n")[2]
    rows = re.findall(r"^\| (`.+?) \|", section.partition("\n## ")[0], re.MULTILINE)

    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert sorted(named) == sorted(Reason)


def test_no_judgement_of_others_suppresses() -> None:
    assert {Reason.INVALID_ADDRESS, Reason.INACTIVE_MAILBOX} == SUPPRESSING
