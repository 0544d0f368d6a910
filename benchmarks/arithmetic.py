"""The sums behind the figures: percentiles, CPU by message, and whether all counts agree."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate


@dataclass(frozen=True)
class Counts:
    """How many there were of each, from the start of a scenario to its end."""

    submitted: int  # messages begun by the generators
    answered: int  # of them, with 250
    ids: int  # different ids in these answers
    stored: int  # rows of messages
    promised: int  # answered ids that have such a row
    recipients: int  # rows of recipients
    delivered: int  # of them, delivered
    received: int  # copies that the simulator took
    duplicates: int  # of them, second copies
    delivery_events: int
    accepted_tally: int
    delivery_tally: int


OF_MESSAGES = ("submitted", "answered", "ids", "stored", "promised")
OF_RECIPIENTS = (
    "recipients", "delivered", "received", "delivery_events", "accepted_tally", "delivery_tally",
)  # fmt: skip


def mismatches(counts: Counts, recipients: int) -> list[str]:
    """Return what does not add up, where each message has so many recipients; empty: reconciled."""
    expected = dict.fromkeys(OF_MESSAGES, counts.submitted)
    expected |= dict.fromkeys(OF_RECIPIENTS, counts.submitted * recipients)
    expected["duplicates"] = 0
    return [
        f"{field.name} is {actual:,}, not {expected[field.name]:,}"
        for field in fields(counts)
        if (actual := getattr(counts, field.name)) != expected[field.name]
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent do not exceed (nearest rank); 0 of none."""
    if not values:
        return 0.0
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many spans of time, each from a begin to an end, overlap at the most."""
    # Where one ends as another begins, they do not overlap: -1 sorts before 1.
    steps = sorted(step for begin, end in spans for step in ((begin, 1), (end, -1)))
    return max(accumulate((step for _, step in steps), initial=0))


def per_message(
    before: Mapping[str, float], after: Mapping[str, float], messages: int, scale: float = 1e6
) -> dict[str, float]:
    """Return what each name used up in between for one message, most first.

    Seconds become microseconds by the scale; what is counted in octets stays as it is by 1.

    A name that was not there before started at nothing.
    """
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    ranked = sorted(used.items(), key=lambda item: -item[1])
    return {name: amount * scale / max(messages, 1) for name, amount in ranked}
