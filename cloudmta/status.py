"""/status/: does the service work? For customers who wonder whether it is them or us, and for
monitors at /api/status. It tells nothing of accounts, machines, or how much mail there is.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import redis
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.frame import Chip
from accounts.message_class import MessageClass
from cloudmta import presence
from cloudmta.doctor.services import PATIENCE, oldest_due

# Seconds that an answer is good for, whoever asks and however often.
FRESH = 5
WORKS, LATE, DOWN, UNKNOWN = "works", "late", "down", "unknown"
CHIPS = {
    WORKS: Chip("good", "✓", "works"),
    LATE: Chip("waiting", "◔", "late"),
    DOWN: Chip("wrong", "✕", "does not work"),
    UNKNOWN: Chip("off", "?", "not known"),
}
WORST_FIRST = (DOWN, LATE, UNKNOWN, WORKS)
SENTENCES = {
    WORKS: "Everything works.",
    LATE: "Mail is taken, and some of it is late.",
    DOWN: "Something does not work. Nothing that was accepted is lost.",
    UNKNOWN: "Mail is taken. Whether all of it goes on cannot be told just now.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the service does, and whether it does it."""

    name: str
    state: str  # one of CHIPS
    text: str

    @property
    def chip(self) -> Chip:
        return CHIPS[self.state]


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show what works."""
    parts = _fresh()
    return render(request, "status.html", {"parts": parts, "sentence": SENTENCES[worst(parts)]})


@require_safe
def status_document(request: HttpRequest) -> HttpResponse:
    """Answer the same for programs; always 200, for it is the document that was asked for."""
    parts = _fresh()
    return JsonResponse({"status": worst(parts), "parts": [asdict(part) for part in parts]})


def worst(parts: list[Part]) -> str:
    states = {part.state for part in parts}
    return next(state for state in WORST_FIRST if state in states)


def _fresh() -> list[Part]:
    found: list[Part] | None = cache.get("status")
    if found is None:
        found = list(look())
        cache.set("status", found, FRESH)
    return found


def look() -> Iterator[Part]:
    """Look at each part of the service now."""
    try:
        roles: set[str] | None = {process.role for process in presence.present()}
    except redis.RedisError:
        roles = None
    try:
        ages = {one: oldest_due(one) for one in MessageClass}
    except DatabaseError:
        ages = {}
    yield _door("Mail by SMTP", "submission", roles, is_stored=bool(ages))
    yield _rest(is_stored=bool(ages))
    for one in MessageClass:
        yield _delivery(one, roles, ages.get(one))
    yield _door("Bounces and complaints", "bounces", roles, is_stored=bool(ages))
    yield _webhooks(roles)


def _door(name: str, role: str, roles: set[str] | None, *, is_stored: bool) -> Part:
    if not is_stored:
        return Part(name, DOWN, "Nothing can be stored, so nothing is taken. Clients try again.")
    if roles is None:
        return Part(name, UNKNOWN, "No process can tell just now whether it lives.")
    if role not in roles:
        return Part(name, DOWN, "Nobody answers at the door. Clients try again.")
    return Part(name, WORKS, "It is taken.")


def _rest(*, is_stored: bool) -> Part:
    if not is_stored:
        return Part("REST API", DOWN, "Nothing can be stored, so nothing is taken.")
    return Part("REST API", WORKS, "It answers.")


def _delivery(one: MessageClass, roles: set[str] | None, minutes: float | None) -> Part:
    name = f"Delivery, {one.label}"
    if minutes is None or roles is None:
        return Part(name, UNKNOWN, "The queue cannot be looked at just now.")
    if not {f"worker {one.label}", "beat"} <= roles:
        return Part(name, DOWN, "What is accepted waits: nobody works on this queue.")
    if minutes > PATIENCE[one]:
        return Part(name, LATE, f"The oldest has been due for {minutes:.0f} minutes.")
    return Part(name, WORKS, "Nothing waits longer than it should.")


def _webhooks(roles: set[str] | None) -> Part:
    if roles is None:
        return Part("Webhooks", UNKNOWN, "The queue cannot be looked at just now.")
    if "worker webhooks" not in roles:
        return Part("Webhooks", DOWN, "Events wait: nobody posts them.")
    return Part("Webhooks", WORKS, "Events are posted.")
