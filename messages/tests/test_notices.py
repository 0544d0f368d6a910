"""Free text: each mail says in its field X-Expected what is to be read, and none is more certain.

`nothing`, or for each recipient: address, kind, status, permanent or transient, reason.
"""

import re
from pathlib import Path

import pytest

from messages import reports

MAILS = sorted((Path(__file__).parent / "reports").glob("*/*.eml"))


@pytest.mark.parametrize("path", MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_reads_what_a_person_would(path: Path) -> None:
    content = path.read_bytes()
    expected = re.search(rb"^X-Expected: (.+)$", content, re.MULTILINE)
    assert expected

    read = reports.read(content.replace(b"\n", b"\r\n"))

    assert ("; ".join(map(written, read)) or "nothing") == expected[1].decode()


def written(report: reports.Report) -> str:
    duration = "permanent" if report.permanent else "transient"
    words = (
        report.recipient or "?", report.kind, report.status or "-", duration, report.reason.value,
    )  # fmt: skip
    return " ".join(words)
