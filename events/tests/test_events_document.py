"""What the documentation promises is what there is."""

import re

from cloudmta.testing import ROOT
from events.models import Kind
from events.reasons import Reason

TEXT = (ROOT / "docs" / "events.md").read_text()


def words_of(section):
    """Return what stands in backquotes in the first column of a section's tables."""
    body = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in body.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall("`([^`]+)`", cell)}


def test_every_kind_is_told_and_no_other():
    assert words_of("Kinds") == set(Kind.values)


def test_every_reason_is_told_and_no_other():
    assert words_of("Reasons") == {reason.value for reason in Reason}
