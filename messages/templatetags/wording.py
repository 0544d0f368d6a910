"""How pages speak of mail: the chip of a state or an event, and the sentence under it."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from accounts.frame import Chip
from accounts.templatetags.moments import clock
from events.models import Kind
from messages.models import Recipient, State

register = template.Library()


STATES = {
    State.QUEUED: Chip("waiting", "○", "queued"),
    State.LEASED: Chip("waiting", "→", "sending"),
    State.DEFERRED: Chip("waiting", "↻", "deferred"),
    State.HELD: Chip("off", "‖", "held"),
    State.DELIVERED: Chip("good", "✓", "delivered"),
    State.BOUNCED: Chip("wrong", "✕", "bounced"),
    State.BLOCKED: Chip("off", "⊘", "blocked"),
    State.CANCELLED: Chip("off", "–", "cancelled"),
}
EVENTS = {
    Kind.DELIVERY: Chip("good", "✓", "delivery"),
    Kind.SOFT_BOUNCE: Chip("waiting", "↻", "soft bounce"),
    Kind.BOUNCE: Chip("wrong", "✕", "bounce"),
    Kind.BLOCKED: Chip("wrong", "⊘", "blocked"),
    Kind.COMPLAINT: Chip("wrong", "!", "complaint"),
    Kind.OPEN: Chip("good", "○", "open"),
    Kind.CLICK: Chip("good", "→", "click"),
}


@register.inclusion_tag("parts/chip.html")
def state_chip(recipient: Recipient) -> dict[str, object]:
    """Show where a recipient stands, and until when, should that change."""
    chip = STATES[State(recipient.state)]
    until, now = "", timezone.now()
    if recipient.state in (State.DEFERRED, State.HELD) and recipient.due_at:
        until = f"until {clock(recipient.due_at, now)}" if recipient.due_at > now else ""
    return {"chip": chip, "until": until}


@register.inclusion_tag("parts/chip.html")
def count_chip(state: str, count: int) -> dict[str, object]:
    """Show how many stand in a state."""
    return {"chip": STATES[State(state)], "count": count}


@register.inclusion_tag("parts/chip.html")
def event_chip(kind: str) -> dict[str, object]:
    """Show what happened; a kind that this version does not know is shown as it is."""
    unknown = Chip("off", "·", kind.replace("_", " "))
    return {"chip": EVENTS[Kind(kind)] if kind in EVENTS else unknown}


@register.filter
def standing(recipient: Recipient) -> str:
    """Say in a sentence where a recipient stands, and what comes next."""
    return stands(recipient, timezone.now())


def stands(recipient: Recipient, now: datetime) -> str:
    due_at, attempts = recipient.due_at, recipient.attempt_count
    match State(recipient.state):
        case State.QUEUED:
            return f"We try {_at(due_at, now)}."
        case State.LEASED:
            return f"We are sending it now (attempt {attempts})."
        case State.DEFERRED:
            again = f"We try again {_at(due_at, now)} (attempt {attempts + 1})."
            return f"It did not work for now. {again}"
        case State.HELD:
            return f"We hold it back, and look at it again {_at(due_at, now)}."
        case State.DELIVERED:
            return "Their server took responsibility for it."
        case State.BOUNCED if recipient.reply.startswith("5"):
            return "It was refused for good. We do not try again."
        case State.BOUNCED:
            return "It did not work in time, and we gave up."
        case State.BLOCKED:
            return "We did not try."
        case State.CANCELLED:
            return "You took it back before it was sent."


def _at(when: datetime | None, now: datetime) -> str:
    if when is None or when <= now:
        return "any moment now"
    return f"at {clock(when, now)}"


@register.filter
def seconds(duration: timedelta) -> str:
    """Show how long something took: "0.84 s"."""
    return f"{duration.total_seconds():.2f} s"


@register.filter
def speaker(line: str) -> str:
    """Name who says a line of a dialogue: "ours" or "theirs"."""
    return "ours" if line.startswith("C:") else "theirs"
