"""An event as the customer reads it, the same in webhooks and in the REST API."""

import json
from collections.abc import Iterable
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

from events.models import Event


def represent(event: Event) -> dict[str, Any]:
    """Return the members of an event."""
    return {
        "id": event.id,
        "timestamp": event.timestamp,
        "kind": event.kind,
        "recipient": event.recipient,
        "message_id": event.message_id,
        "details": event.details,
        "tags": event.tags,
        "metadata": event.metadata,
        "message_id_header": event.message_id_header,
        "test": event.is_test,
    }


def body(events: Iterable[Event], most: int | None = None) -> tuple[bytes, int]:
    """Return what is posted to a webhook, and how many of the events that is.

    JSON in UTF-8, of the same events always the same. `most` bounds its octets: events that would
    go beyond are left out, but for the first.
    """
    parts: list[bytes] = []
    size = 0
    for event in events:
        part = _encoded(event)
        size += len(part) + 1
        if most and parts and size > most:
            break
        parts.append(part)
    return b'{"events":[' + b",".join(parts) + b"]}", len(parts)


def _encoded(event: Event) -> bytes:
    text = json.dumps(represent(event), cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
