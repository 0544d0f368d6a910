"""The plan by which the daily volume of an account grows: a stage a day, while its mail is good."""

from itertools import takewhile

# Recipients a day; big receivers mistrust a sender whose volume jumps.
BEGINNING = (150, 250, 400, 700, 1_000, 1_500, 2_000)
GROWTH = 1.3
# More than any account is approved for, and still a number that the database holds.
HIGHEST = 2_000_000_000


def _all_stages() -> list[int]:
    stages = list(BEGINNING)
    while stages[-1] * GROWTH < HIGHEST:
        stages.append(_readable(stages[-1] * GROWTH))
    return stages


def _readable(number: float) -> int:
    """Return a number with two digits that say something: 4,420 is 4,400."""
    zeros = len(str(int(number))) - 2
    return round(number / 10**zeros) * 10**zeros


STAGES = tuple(_all_stages())


def amount(stage: int) -> int:
    """Return the recipients a day of a stage, counted from 0; beyond the last it is the last's."""
    return STAGES[min(stage, len(STAGES) - 1)]


def stage_for(recipients: int) -> int:
    """Return the first stage that holds so many recipients a day."""
    too_small = takewhile(lambda held: held < recipients, STAGES)
    return min(sum(1 for _ in too_small), len(STAGES) - 1)
