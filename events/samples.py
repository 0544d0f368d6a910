"""An event of each kind as it could have happened, to try a webhook with."""

from typing import Any

from django.utils import timezone

from accounts.models import Account
from events.identifiers import new_id
from events.models import Event, Kind
from events.reasons import Reason

REPLY = {"mx": "mx1.example.net", "ip": "192.0.2.25", "tls": "TLSv1.3", "attempt": 1}
READER = {"ip": "192.0.2.80", "user_agent": "Mozilla/5.0"}
DETAILS: dict[Kind, dict[str, Any]] = {
    Kind.DELIVERY: REPLY
    | {"smtp_code": 250, "enhanced_code": "2.0.0", "smtp_response": "Queued as 4711"},
    Kind.SOFT_BOUNCE: REPLY
    | {"smtp_code": 451, "enhanced_code": "4.7.1", "smtp_response": "Greylisted",
       "reason": Reason.GREYLISTED, "next_attempt_at": "2030-01-01T00:05:00+00:00"},
    Kind.BOUNCE: REPLY
    | {
        "smtp_code": 550, "enhanced_code": "5.1.1", "smtp_response": "No such user here",
        "reason": Reason.INVALID_ADDRESS,
    },
    Kind.BLOCKED: {
        "reason": Reason.PREVIOUS_BOUNCE, "description": "An earlier message to it bounced",
    },
    Kind.COMPLAINT: {
        "source": "report", "reason": Reason.COMPLAINT, "reporter": "mx1.example.net",
    },
    Kind.OPEN: READER,
    Kind.CLICK: READER | {"url": "https://www.example.com/"},
}  # fmt: skip


def sample(account: Account, kind: Kind) -> Event:
    """Return an event that did not happen; it is in no ledger."""
    message_id = new_id()
    return Event(
        id=new_id(),
        account=account,
        message_id=message_id,
        recipient="carol@example.net",
        kind=kind,
        timestamp=timezone.now(),
        details=DETAILS[kind],
        tags=["sample"],
        metadata={},
        message_id_header=f"<{message_id}@example.com>",
        is_test=True,
    )
