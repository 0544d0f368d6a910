"""Write events into the ledger of a product that runs: a process of its own for the benchmark.

Its environment says where the product's database is. Arguments: the user name of a credential of
the account, how many events, and how many a second (0: as fast as it goes).
"""

import sys
import time
from uuid import UUID

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.message_class import MessageClass  # noqa: E402
from accounts.models import Credential  # noqa: E402
from events import ledger  # noqa: E402
from events.identifiers import new_id  # noqa: E402
from events.ledger import NewEvent  # noqa: E402
from events.models import Kind  # noqa: E402

# Events in one transaction, as a worker that delivers settles them.
BATCH = 50
DETAILS: dict[str, object] = {
    "smtp_code": 250, "enhanced_code": "2.0.0", "smtp_response": "Queued as 4711",
    "mx": "mx1.example.net", "ip": "192.0.2.25", "tls": "TLSv1.3", "attempt": 1,
}  # fmt: skip


def write(username: str, count: int, rate: float) -> None:
    """Write so many events of deliveries to different recipients, and say how long that took."""
    account_id = Credential.objects.get(username=username).account_id
    started = time.monotonic()
    for first in range(0, count, BATCH):
        if rate:
            time.sleep(max(0.0, started + first / rate - time.monotonic()))
        with transaction.atomic():
            ledger.record_all(
                event(account_id, number) for number in range(first, min(first + BATCH, count))
            )
    print(time.monotonic() - started)


def event(account_id: int, number: int) -> NewEvent:
    message_id: UUID = new_id()
    return NewEvent(
        kind=Kind.DELIVERY,
        account_id=account_id,
        message_id=message_id,
        recipient=f"user{number}@example.net",
        destination="example.net",
        sender_domain="example.com",
        message_class=MessageClass.STANDARD,
        timestamp=timezone.now(),
        message_id_header=f"<{message_id}@example.com>",
        tags=["order", "shop"],
        metadata={"order": number},
        details=DETAILS,
    )


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
