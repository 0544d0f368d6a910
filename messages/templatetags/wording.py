"""How pages speak of mail: the chip of a state or an event, and the sentence under it."""

import re
from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from accounts.frame import Chip
from accounts.message_class import MessageClass
from accounts.templatetags.moments import clock
from events import reason_words
from events.models import Kind
from events.reasons import Reason
from messages import classifier, queue
from messages.models import Recipient, State

register = template.Library()

# What a server said, and not a reason of ours: it begins with a code (RFC 5321 §4.2).
REFUSAL = re.compile(r"[45]\d\d(?:[ -]|$)")

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
SCHEDULED = Chip("off", "◷", "scheduled")
EVENTS = {
    Kind.DELIVERY: Chip("good", "✓", "delivery"),
    Kind.SOFT_BOUNCE: Chip("waiting", "↻", "soft bounce"),
    Kind.BOUNCE: Chip("wrong", "✕", "bounce"),
    Kind.BLOCKED: Chip("off", "⊘", "blocked"),
    Kind.COMPLAINT: Chip("wrong", "!", "complaint"),
    Kind.OPEN: Chip("good", "○", "open"),
    Kind.CLICK: Chip("good", "→", "click"),
}


@register.inclusion_tag("parts/chip.html")
def state_chip(recipient: Recipient) -> dict[str, object]:
    """Show where a recipient stands, and until when, should that change."""
    now, due_at = timezone.now(), recipient.due_at
    is_later = due_at is not None and due_at > now
    if due_at and is_later and recipient.state == State.QUEUED and not recipient.attempt_count:
        return {"chip": SCHEDULED, "until": f"for {clock(due_at, now)}"}
    is_put_off = is_later and recipient.state in (State.DEFERRED, State.HELD)
    until = f"until {clock(due_at, now)}" if due_at and is_put_off else ""
    return {"chip": STATES[State(recipient.state)], "until": until}


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
    due_at, why = recipient.due_at, explained(recipient.reply)
    match State(recipient.state):
        case State.QUEUED:
            return f"We try {_at(due_at, now)}."
        case State.LEASED:
            return f"We are sending it now ({_turn(recipient, recipient.attempt_count)})."
        case State.DEFERRED:
            turn = _turn(recipient, recipient.attempt_count + 1)
            return f"{why or 'It did not work for now.'} We try again {_at(due_at, now)} ({turn})."
        case State.HELD:
            return f"We hold it back, and look at it again {_at(due_at, now)}."
        case State.DELIVERED:
            return "Their server took responsibility for it."
        case State.BOUNCED if recipient.reply.startswith("5"):
            return f"{why or 'It was refused for good.'} We do not try again."
        case State.BOUNCED:
            return f"{why} It did not work in time, and we gave up.".lstrip()
        case State.BLOCKED:
            return f"{why} We do not try again." if why else "We did not try."
        case State.CANCELLED:
            return "You took it back before it was sent."


@register.filter
def explained(reply: str) -> str:
    """Say in words what a server's refusal means; "" for what is none, or says nothing."""
    if not REFUSAL.match(reply):
        return ""
    reason = classifier.judge(None, "", reply).reason
    return "" if reason is Reason.UNKNOWN else reason_words.sentence(reason)


def _turn(recipient: Recipient, number: int) -> str:
    """Say the how-manieth attempt it is, of how many at the most: "3 of 18"."""
    most = queue.most_attempts(MessageClass(recipient.message_class))
    return f"{number} of {max(number, most)}"


def _at(when: datetime | None, now: datetime) -> str:
    if when is None or when <= now:
        return "any moment now"
    return f"at {clock(when, now)}"


@register.filter
def seconds(duration: timedelta) -> str:
    """Show how long something took: "0.84 s"."""
    return f"{duration.total_seconds():.2f} s"


@register.filter
def milliseconds(value: float) -> str:
    """Show how long a phase took: "3 ms", "12.4 s"."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


@register.filter
def speaker(line: str) -> str:
    """Name who says a line of a dialogue: "ours" or "theirs"."""
    return "ours" if line.startswith("C:") else "theirs"


@register.filter
def reason_sentence(reason: object) -> str:
    """Say in words what the reason of an event means; "" where it has none that we know."""
    return reason_words.sentence(str(reason))
