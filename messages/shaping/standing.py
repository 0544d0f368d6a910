"""How we stand with one site: what holds there now, what its replies lead to, when it is down."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from accounts.message_class import MessageClass
from messages.exchangers import Exchangers
from messages.jobs import PutOff, Whose
from messages.shaping import measures, rules
from messages.shaping.measures import DOWN, Measure, Measures
from messages.shaping.rules import Rule
from messages.shaping.scope import Rate, Scope, message_rates, scopes
from messages.shaping.shaper import Shaper
from messages.smtp.replies import Reply

BY_STAFF = "Suspended by staff"
# Seconds after which mail for a suspended site is looked at again, however long that lasts: staff
# may have ended it.
LOOK_AGAIN = 900
# What was put off comes back so many a second, within so many seconds: not all at once.
RETURN_RATE, RETURN_WITHIN = 20, 300
# Accounts and classes of which that is remembered; of one that is forgotten the order begins anew.
MOST_KEPT = 1000


class Standing:
    """What one worker knows of a site, shared with the others through the shaper."""

    def __init__(self, exchangers: Exchangers, shaper: Shaper, changed: Callable[[], None]) -> None:
        self.host = next((host for group in exchangers.groups for host in group), "")
        self.measures = Measures()
        self._exchangers = exchangers
        self._shaper = shaper
        self._changed = changed
        self._is_informed = False
        # Each account and class comes back in an order of its own: nobody behind somebody else's
        # backlog. When the last of them is due; how many wait elsewhere for their turn, as of when.
        self._last_due: dict[Whose, float] = {}
        self._elsewhere: dict[Whose, tuple[float, float]] = {}
        self._version = -1
        self.refresh()

    def refresh(self) -> None:
        """Take over what changed in the book and in the measures."""
        if self._version != self._shaper.book.version:
            self._version = self._shaper.book.version
            self.terms = self._shaper.book.terms(self._exchangers)
        self.limits = self.measures.limit(self.terms.each)
        self.is_rated = bool(self.rates(MessageClass.DIGEST))

    def rates(self, message_class: MessageClass) -> list[Rate]:
        """Return the rates that messages of a class are counted in."""
        return message_rates(self.terms, self.limits, message_class)

    def scopes(self, message_class: MessageClass) -> list[Scope]:
        """Return where a connection for a class is counted."""
        return scopes(self.terms, self.limits, message_class)

    @property
    def suspension(self) -> Measure | None:
        """Return why nothing is sent now, if so."""
        by_staff = self.terms.suspended_until
        if by_staff and by_staff > datetime.now(UTC):
            note = self.terms.note or "no reason given"
            return Measure(
                BY_STAFF, time.time(), by_staff.timestamp(), 451, "4.3.2", note,
                is_remote=False, suspends=True,
            )  # fmt: skip
        return self.measures.suspension

    @property
    def is_probing(self) -> bool:
        """Whether the site was down a while ago, and has answered nothing since."""
        return self.measures.get(DOWN) is not None

    async def learn(self) -> None:
        """Hear what other workers know, once, before the first connection."""
        if not self._is_informed:
            self._is_informed = True
            await self._shaper.bulletin.hear({self.terms.site: self.measures})
            self.refresh()

    def tell(self, domain: str) -> None:
        """Mail for a domain goes here."""
        destination = self.terms.group or self.terms.site
        self._shaper.spawn(self._shaper.bulletin.tell_destination(domain, destination))

    def heed(self, reply: Reply) -> None:
        """Do what the rules ask for after a reply; a good one asks for nothing."""
        for rule in rules.matching(reply, self.terms.group):
            self._shaper.spawn(self._apply(rule, reply))

    async def _apply(self, rule: Rule, reply: Reply) -> None:
        if await self._shaper.bulletin.strike(self.terms.site, rule):
            await self._impose(measures.by_rule(rule, reply))

    def went_down(self, reply: Reply) -> None:
        """Nobody at the site takes a connection."""
        measure = measures.down(reply, self.measures.get(DOWN))
        self.measures.add(measure)
        self._shaper.spawn(self._impose(measure))

    def came_up(self) -> None:
        """The site has answered a message."""
        self.measures.remove(DOWN)
        self._shaper.spawn(self._shaper.bulletin.lift(self.terms.site, DOWN))

    async def _impose(self, measure: Measure) -> None:
        self.measures.add(measure)
        self.refresh()
        self._changed()
        await self._shaper.bulletin.impose(self.terms.site, measure)

    # --- mail that is not sent now ---

    def put_off(self, measure: Measure, whose: Whose) -> PutOff:
        """Return when a message is due again that a suspension keeps waiting, and why."""
        since = datetime.fromtimestamp(measure.since, UTC)
        if measure.name == DOWN:
            why = f"{self.host} is down since {since:%H:%M} UTC: {measure.reply}"
        else:
            why = f"{measure.name}; {self.host} said: {measure.reply}"
        if measure.name == BY_STAFF:
            why = f"{BY_STAFF}: {measure.text}"
        return PutOff(self._due(whose, measure.until, 1 / RETURN_RATE), why, measure.reply)

    def put_off_for_rate(self, per_second: float, whose: Whose) -> PutOff:
        """Return when a message is due again at a site that takes so many a second."""
        now = time.time()
        number, counted_at = self._elsewhere.get(whose, (0.0, now))
        number = max(0.0, number - (now - counted_at) * per_second)
        if len(self._elsewhere) > MOST_KEPT:
            self._elsewhere.clear()
        self._elsewhere[whose] = number + 1, now
        wait = number / per_second
        if wait > RETURN_WITHIN:
            wait = random.uniform(0, RETURN_WITHIN)
        why = f"{self.host} takes mail slowly; this message waits for its turn"
        return PutOff(datetime.now(UTC) + timedelta(seconds=max(1.0, wait)), why)

    def _due(self, whose: Whose, earliest: float, gap: float) -> datetime:
        now = time.time()
        earliest = min(earliest, now + LOOK_AGAIN)
        latest = earliest + RETURN_WITHIN
        due = max(self._last_due.get(whose, 0.0) + gap, earliest)
        if len(self._last_due) > MOST_KEPT:
            self._last_due.clear()
        self._last_due[whose] = min(due, latest)
        if due > latest:
            due = random.uniform(earliest, latest)
        return datetime.now(UTC) + timedelta(seconds=max(1.0, due - now))
