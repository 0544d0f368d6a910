"""What a check for spam comes to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score, and the rules that made it; higher is worse."""

    score: float = 0.0
    rules: tuple[str, ...] = ()
    is_rejected: bool = False  # the scanner refuses it, whatever the score

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.score + other.score,
            self.rules + other.rules,
            self.is_rejected or other.is_rejected,
        )


HARMLESS = Verdict()
