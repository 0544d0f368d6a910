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


def body(events: Iterable[Event]) -> bytes:
    """Return what is posted to a webhook: JSON in UTF-8, of the same events always the same."""
    content = {"events": [represent(event) for event in events]}
    text = json.dumps(content, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
