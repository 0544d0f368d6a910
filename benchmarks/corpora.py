"""Print how well reports and replies are read, on real mail that lies outside of the project.

    python -m benchmarks.corpora [FOLDER]

Without FOLDER it is CORPORA_DIR, or ../shared/corpora. What the manifests say: its README.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from messages import classifier, reports

DEFAULT = Path(__file__).resolve().parents[1] / "../shared/corpora"
Row = dict[str, Any]

# What is measured, and what must be reached at least, in per cent.
LEAST = {
    "exact recipients, RFC 3464": 97.0,
    "exact recipients, free text": 85.0,
    "no wrong recipient": 98.0,
    "permanent or transient": 95.0,
    "complaints": 100.0,
    "neither bounce nor complaint in other mail": 100.0,
    "kinds of replies": 80.0,
    "no bounce for a 4xx": 100.0,
}
NAMES = tuple(LEAST)

NO_COMPLAINTS = {"auth-failure", "not-spam"}


@dataclass(slots=True)
class Figure:
    """How many cases of a kind came out right, and which did not."""

    name: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, is_right: bool, case: str) -> None:
        self.right += is_right
        if not is_right:
            self.wrong.append(case)

    @property
    def total(self) -> int:
        return self.right + len(self.wrong)

    @property
    def percent(self) -> float:
        return 100 * self.right / self.total if self.total else 0.0

    @property
    def is_reached(self) -> bool:
        return self.percent >= LEAST[self.name]

    def __str__(self) -> str:
        mark = "" if self.is_reached else "   MISSED"
        return (
            f"{self.name:55} {self.right:4} of {self.total:4}  {self.percent:6.2f} %"
            f"  (at least {LEAST[self.name]:g} %){mark}"
        )


def folder() -> Path:
    """Return where the corpora should be."""
    return Path(os.environ.get("CORPORA_DIR") or DEFAULT)


def measure(corpora: Path) -> list[Figure]:
    """Read everything and compare."""
    return [*_bounces(corpora), *_negatives(corpora), *_replies(corpora)]


def _rows(corpora: Path, manifest: str) -> Iterator[Row]:
    with open(corpora / manifest, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _read(corpora: Path, row: Row) -> list[reports.Report]:
    return reports.read((corpora / row["path"]).read_bytes())


def _bounces(corpora: Path) -> Iterator[Figure]:
    exact = {
        "rfc3464": Figure("exact recipients, RFC 3464"),
        "freetext": Figure("exact recipients, free text"),
    }
    unmistaken = Figure("no wrong recipient")
    permanent = Figure("permanent or transient")
    complaints = Figure("complaints")
    for row in _rows(corpora, "bounces.jsonl"):
        found = _read(corpora, row)
        if row["class"] == "complaint":
            is_one = any(report.kind == "complaint" for report in found)
            is_due = not NO_COMPLAINTS & set(row.get("feedback_type") or ())
            complaints.count(is_one == is_due, row["path"])
        elif row["tier"] in exact and row["class"] is not None:
            _compare(row, found, exact[row["tier"]], unmistaken, permanent)
    yield from (*exact.values(), unmistaken, permanent, complaints)


def _compare(
    row: Row, found: list[reports.Report], exact: Figure, unmistaken: Figure, permanent: Figure
) -> None:
    expected = {one.lower() for one in row["recipients"] if one}
    named = {report.recipient.lower() for report in found if report.recipient}
    exact.count(named == expected, row["path"])
    unmistaken.count(named <= expected, row["path"])
    truth = {
        one["recipient"].lower(): one["permanent"] for one in row["expected"] if one["recipient"]
    }
    for report in found:
        known = truth.get(report.recipient.lower())
        if known is not None:
            permanent.count(report.permanent == known, row["path"])


def _negatives(corpora: Path) -> Iterator[Figure]:
    figure = Figure("neither bounce nor complaint in other mail")
    for row in _rows(corpora, "negatives.jsonl"):
        content = (corpora / row["path"]).read_bytes()
        # Answers of machines come from nobody, as bounces do: that alone must make none of them.
        from_nobody = b"Return-Path: <>\r\n" + content
        found = reports.read(content) or reports.read(from_nobody)
        figure.count(not found, row["path"])
    yield figure


def _replies(corpora: Path) -> Iterator[Figure]:
    kinds = Figure("kinds of replies")
    transient = Figure("no bounce for a 4xx")
    for row in _rows(corpora, "replies.jsonl"):
        code = int(row["code"]) if row["code"] else None
        judgement = classifier.judge(code, row["enhanced"] or "", row["text"])
        if row["kind"] is not None:
            kinds.count(judgement.kind == row["kind"], row["text"])
        if code is not None and 400 <= code <= 499:
            transient.count(judgement.kind != "bounce", row["text"])
    yield from (kinds, transient)


def main(arguments: list[str]) -> int:
    corpora = Path(arguments[0]) if arguments else folder()
    if not (corpora / "bounces.jsonl").is_file():
        print(f"{corpora} holds no corpora: name their folder, or set CORPORA_DIR")
        return 2
    figures = measure(corpora)
    for figure in figures:
        print(figure)
    return 0 if all(figure.is_reached for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
