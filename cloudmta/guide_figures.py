"""The limits that the documentation states, each out of the code that enforces it."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from accounts import allowance, authentication, ladder, plan
from accounts.message_class import MessageClass
from accounts.models import FIRST_CEILING, MEBIBYTE, Account
from accounts.rest.limits import BURST
from accounts.volume import Standing
from events import batches, patience, poster
from messages import api, idempotency, options, policy, queue, rest_body
from messages.attachments.extensions import FORBIDDEN


def figures() -> dict[str, Any]:
    """Return every figure under the name by which pages ask for it."""
    return _of_messages() | _of_rest() | _of_volume() | _of_webhooks()


def _of_messages() -> dict[str, Any]:
    size = _default("max_message_size")
    return {
        "max_recipients": policy.MAX_RECIPIENTS,
        "max_hops": policy.MAX_HOPS,
        "max_octets": f"{size:,}",
        "max_mebibytes": size // MEBIBYTE,
        "max_tags": options.MAX_TAGS,
        "max_tag_length": options.MAX_TAG_LENGTH,
        "max_metadata": f"{options.MAX_METADATA:,}",
        "max_key_length": options.MAX_KEY_LENGTH,
        "forbidden": " ".join(FORBIDDEN.split("|")),
        "spam_limit": f"{settings.SPAM_LIMIT:.1f}",
        "retries": ", ".join(_span(timedelta(seconds=one)) for one in settings.RETRY_AFTER),
        "lifetime": _span(queue.LIFETIME[MessageClass.STANDARD]),
        "priority_lifetime": _span(queue.LIFETIME[MessageClass.PRIORITY]),
        "digest_window": _span(timedelta(seconds=settings.DIGEST_WINDOW)),
        "content_days": _default("content_days"),
        "message_days": _default("message_days"),
        "event_days": _default("event_days"),
    }


def _of_rest() -> dict[str, Any]:
    rate = _default("requests_per_second")
    return {
        "requests_per_second": rate,
        "requests_at_once": rate * BURST,
        "max_batch": api.MAX_BATCH,
        "message_body": api.MessageList.max_body // MEBIBYTE,
        "batch_body": api.MessageBatch.max_body // MEBIBYTE,
        "max_attachments": rest_body.MAX_ATTACHMENTS,
        "max_delay": _span(rest_body.MAX_DELAY),
        "key_kept": _span(timedelta(seconds=idempotency.KEEP_FOR)),
        "rotation": _span(authentication.ROTATION),
    }


def _of_volume() -> dict[str, Any]:
    shares = allowance.SHARE
    return {
        "stages": ", ".join(f"{one:,}" for one in plan.BEGINNING),
        "growth": plan.GROWTH,
        "first_stage": plan.amount(0),
        "first_ceiling": f"{FIRST_CEILING:,}",
        "held_days": allowance.MAX_HELD_DAYS,
        "kept_for_priority": 100 - shares[MessageClass.STANDARD],
        "closed_to_digest": 100 - shares[MessageClass.DIGEST],
        "ladder": [
            (step.label, _percent(ladder.BOUNCES[step]), _percent(ladder.COMPLAINTS[step]))
            for step in Standing
            if step is not Standing.GOOD
        ],
        "ladder_days": ladder.WINDOW.days,
        "ladder_recipients": ladder.MIN_RECIPIENTS,
    }


def _of_webhooks() -> dict[str, Any]:
    return {
        "post_events": batches.MOST_EVENTS,
        "post_timeout": poster.TIMEOUT,
        "post_retries": ", ".join(_span(one) for one in patience.RETRY_AFTER),
        "post_tell_after": patience.TELL_AFTER,
        "post_give_up": _span(patience.GIVE_UP_AFTER),
    }


def _default(field: str) -> int:
    default = getattr(Account(), field)  # what a new account has
    assert isinstance(default, int)
    return default


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _span(time: timedelta) -> str:
    """Return a length of time in its largest whole unit, but in days only from four on."""
    seconds = round(time.total_seconds())
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    for name, unit in units:
        count = seconds // unit
        if seconds % unit == 0 and count >= (4 if name == "day" else 1):
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} seconds"
