"""What the crash test has found: a row for each kill, and whether anything was lost."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Cycle:
    """One kill, and what became of the messages that were first tried around it."""

    target: str
    in_flight: int | None = None  # attempts at that moment; None: it made none
    away: float = 0.0  # seconds until the process was there again
    submitted: int = 0
    again: int = 0  # tries beyond the first
    silence: float = 0.0  # seconds without an answer to anybody
    slowest: float = 0.0  # seconds from acceptance to the final state
    copies: int = 0  # second copies that the world received


@dataclass(frozen=True, slots=True)
class Figures:
    """All counts of a run."""

    submitted: int
    answered: int
    ids: int  # different ones among the answers
    stored: int  # of those that were answered
    final: int  # of these, in exactly one final state
    delivered: int  # of these, that the world received
    unanswered: int  # stored though their door died before it could say so
    unanswered_with_key: int
    in_flight: int  # attempts, at all kills that could cut any off
    copies: int
    events: int
    posted: int  # events that the webhook's endpoint has taken, each counted once
    posted_again: int
    reports: int  # that the world sent back
    reports_read: int
    ledger: str  # "" where the books add up, else what is wrong

    @property
    def lost(self) -> int:
        return self.answered - min(self.stored, self.final, self.delivered)


def faults(figures: Figures) -> list[str]:
    """Return what must not be, in words; nothing where every promise was kept."""
    wrong = {
        "messages were never answered": figures.submitted - figures.answered,
        "answers gave an id a second time": figures.answered - figures.ids,
        "answered messages are not stored": figures.answered - figures.stored,
        "answered messages have no final state": figures.answered - figures.final,
        "answered messages never arrived": figures.answered - figures.delivered,
        "messages were stored twice under one key": figures.unanswered_with_key,
        "second copies more than attempts were in flight": figures.copies - figures.in_flight,
        "events never reached the webhook": figures.events - figures.posted,
        "reports were not read": figures.reports - figures.reports_read,
    }
    found = [f"{count} {what}" for what, count in wrong.items() if count > 0]
    return found + ([f"the ledger: {figures.ledger}"] if figures.ledger else [])


HEAD = (
    f"{'':>3} {'killed':<18} {'in flight':>9} {'away':>7} {'submitted':>9} {'again':>6}"
    f" {'silence':>8} {'slowest':>8} {'copies':>6}"
)


def table(cycles: Sequence[Cycle]) -> list[str]:
    """Return the rows of all cycles, below a head."""
    return [HEAD, *(_row(number, one) for number, one in enumerate(cycles, 1))]


def _row(number: int, one: Cycle) -> str:
    in_flight = "-" if one.in_flight is None else str(one.in_flight)
    return (
        f"{number:>3} {one.target:<18} {in_flight:>9} {one.away:>5.1f} s {one.submitted:>9}"
        f" {one.again:>6} {one.silence:>6.1f} s {one.slowest:>6.1f} s {one.copies:>6}"
    )


def summary(figures: Figures) -> list[str]:
    """Return the sum of a run in few lines, the last of them the verdict."""
    found = faults(figures)
    return [
        f"{figures.submitted:,} submitted = {figures.answered:,} answered ="
        f" {figures.stored:,} stored = {figures.final:,} final = {figures.delivered:,} received;"
        f" lost {figures.lost}",
        f"{figures.copies} second copies, of {figures.in_flight} attempts in flight at the kills;"
        f" {figures.unanswered} messages stored though the answer was cut off,"
        f" {figures.unanswered_with_key} of them with a key",
        f"{figures.events:,} events, {figures.posted:,} of them posted to the webhook,"
        f" {figures.posted_again} of these again; {figures.reports} reports sent back,"
        f" {figures.reports_read} read",
        "FAILED: " + "; ".join(found) if found else "Nothing was lost, and the ledger adds up.",
    ]
