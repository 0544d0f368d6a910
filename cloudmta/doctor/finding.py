"""What a look at one thing has shown, in the words that an operator reads."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is."""

    FINE = "ok"
    WARNING = "warning"  # mail flows, but not as well as it should
    WRONG = "WRONG"  # mail is not taken, not safe or not delivered


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str  # "PostgreSQL", "Disk": what was looked at
    text: str  # what was seen
    advice: str = ""  # what to do; "" where all is well


def fine(subject: str, text: str) -> Finding:
    return Finding(Level.FINE, subject, text)


def warning(subject: str, text: str, advice: str) -> Finding:
    return Finding(Level.WARNING, subject, text, advice)


def wrong(subject: str, text: str, advice: str) -> Finding:
    return Finding(Level.WRONG, subject, text, advice)
