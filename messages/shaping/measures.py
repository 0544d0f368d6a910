"""What is done for a while to spare a site: it is down, suspended, slowed. Each ends by itself."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from messages.shaping.limits import NO_LIMITS, Limits
from messages.shaping.rules import Rule
from messages.smtp.replies import Reply

DOWN = "Down"
# Seconds that a site is left alone after nobody there took a connection, by how often in a row:
# each is shorter than the step of the retry schedule that the message which tried goes by.
DOWN_FOR = (15, 60, 300, 900)
# Seconds after its end that a site's being down is remembered, for the next step.
REMEMBERED = 3600


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is done, until when, and what the site had said. Times are of the epoch."""

    name: str  # "Down", or the rule's
    since: float
    until: float
    code: int  # of the reply, with status and text
    status: str
    text: str
    is_remote: bool
    suspends: bool
    times: int = 1  # in a row
    limits: Limits = NO_LIMITS

    @property
    def reply(self) -> Reply:
        return Reply(self.code, self.status, self.text, self.is_remote)

    @property
    def is_on(self) -> bool:
        return time.time() < self.until

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Measure":
        """Raises ValueError or TypeError for what was not written by `to_json`."""
        facts = json.loads(text)
        return cls(**facts | {"limits": Limits(**facts["limits"])})


def down(reply: Reply, before: Measure | None) -> Measure:
    """Return what follows where a site takes no connection, and already did not `before`."""
    now = time.time()
    times = before.times + 1 if before else 1
    since = before.since if before else now
    until = now + DOWN_FOR[min(times, len(DOWN_FOR)) - 1]
    return Measure(
        DOWN, since, until, reply.code, reply.status, reply.text, reply.is_remote, suspends=True,
        times=times,
    )  # fmt: skip


def by_rule(rule: Rule, reply: Reply) -> Measure:
    """Return what a rule asks for after a reply."""
    now = time.time()
    return Measure(
        rule.name, now, now + rule.seconds, reply.code, reply.status, reply.text, reply.is_remote,
        rule.suspends, limits=rule.limits,
    )  # fmt: skip


class Measures:
    """What is done about one site, as one worker knows it."""

    def __init__(self) -> None:
        self._known: dict[str, Measure] = {}
        self._resumed_at = 0.0  # what is older was ended by staff

    def add(self, measure: Measure) -> None:
        """Take a measure; of two with one name the one that holds longer stays."""
        known = self._known.get(measure.name)
        if measure.since >= self._resumed_at and (not known or known.until <= measure.until):
            self._known[measure.name] = measure

    def remove(self, name: str) -> None:
        """End a measure."""
        self._known.pop(name, None)

    def resumed(self, at: float) -> None:
        """Forget what began before staff ended it."""
        self._resumed_at = max(self._resumed_at, at)
        for name, measure in list(self._known.items()):
            if measure.since < self._resumed_at:
                del self._known[name]

    def get(self, name: str) -> Measure | None:
        """Return a measure that is on, or was so a while ago."""
        measure = self._known.get(name)
        if measure and time.time() > measure.until + REMEMBERED:
            self.remove(name)
            return None
        return measure

    @property
    def on(self) -> list[Measure]:
        return [one for one in self._known.values() if one.is_on]

    @property
    def suspension(self) -> Measure | None:
        """Return what keeps everything from being sent, for longest."""
        if not self._known:
            return None  # as nearly always
        suspending = [one for one in self.on if one.suspends]
        return max(suspending, key=lambda one: one.until, default=None)

    def limit(self, limits: Limits) -> Limits:
        """Return limits as they are for now."""
        for one in self.on:
            limits = one.limits.within(limits)
        return limits

    def missing_in(self, shared: Mapping[str, str]) -> list[Measure]:
        """Return what is on, and what a Redis that lost its memory no longer tells the others.

        What is over, and is known there no more, is forgotten here too.
        """
        missing = [one for one in self._known.values() if one.name not in shared]
        for one in missing:
            if not one.is_on:
                self.remove(one.name)
        return [one for one in missing if one.is_on]
