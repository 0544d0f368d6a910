"""Where limits hold: at one site, or at all sites of a provider together."""

from dataclasses import dataclass

from accounts.message_class import MessageClass
from messages.shaping.book import Terms
from messages.shaping.limits import Limits

# Seconds' worth of a rate that may come at once, after a pause.
BURST_SECONDS = 2
# What comes for priority may be so many places ahead of the rest: a rate is no queue for it.
AHEAD = 5


@dataclass(frozen=True, slots=True)
class Rate:
    """A leaky bucket: one each `interval` seconds, and `burst` at once after a pause."""

    key: str
    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class Scope:
    """One place where connections are counted."""

    key: str
    connections: int | None
    rate: Rate | None  # of new connections


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to hold one connection; it runs out unless it is renewed."""

    token: str
    message_class: MessageClass  # the least urgent that it may serve
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A worker waits for a slot for a class; `by_one_without`: it holds none there."""

    message_class: MessageClass
    by_one_without: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """There is nothing to be had for so many seconds."""

    seconds: float


def scopes(terms: Terms, limits: Limits, message_class: MessageClass) -> list[Scope]:
    """Return where a connection to a site is counted: the site first, then its group."""
    found = [_scope(f"site:{terms.site}", limits, message_class)]
    if terms.group:
        found.append(_scope(f"group:{terms.group}", terms.total, message_class))
    return found


def _scope(key: str, limits: Limits, message_class: MessageClass) -> Scope:
    rate = _rate(f"{key}:connects", limits.connections_per_minute, message_class)
    return Scope(key, limits.connections, rate)


def message_rates(terms: Terms, limits: Limits, message_class: MessageClass) -> list[Rate]:
    """Return the rates that a message to a site is counted in."""
    rates = [_rate(f"site:{terms.site}:messages", limits.messages_per_minute, message_class)]
    if terms.group:
        key = f"group:{terms.group}:messages"
        rates.append(_rate(key, terms.total.messages_per_minute, message_class))
    return [rate for rate in rates if rate]


def _rate(key: str, per_minute: int | None, message_class: MessageClass) -> Rate | None:
    if per_minute is None:
        return None
    burst = max(1, per_minute * BURST_SECONDS // 60)
    return Rate(key, 60 / per_minute, burst + AHEAD * (message_class is MessageClass.PRIORITY))
