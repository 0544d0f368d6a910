"""What a submission server takes out of a header, and what it puts in (RFC 6409 §8)."""

import email.utils
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from messages import options
from messages.header import Field
from messages.models import Door

# Fields that no recipient may see (RFC 5322 §3.6.3, RFC 5321 §4.4), and the length of a mailbox
# file's entry, which is wrong by the next hop.
STRIPPED = frozenset((b"bcc", b"resent-bcc", b"return-path", b"content-length"))

# By which protocol it came (RFC 3848); what the product writes itself comes by none.
WITH = {
    Door.SMTP: " with ESMTPSA",
    Door.REST: " with HTTPS",
    Door.PAGE: " with HTTPS",
    Door.OWN: "",
}


def is_stripped(field: Field) -> bool:
    """Whether a field is taken out."""
    if field.name in STRIPPED or field.name.startswith(options.OUR_PREFIX):
        return True
    # An empty Message-ID is as good as none: ours takes its place.
    return field.name == b"message-id" and not field.value


def missing(fields: list[Field], message_id: UUID, domain: str, now: datetime) -> list[Field]:
    """Return the Date and Message-ID that are put in where there is none (RFC 6409 §8.2, §8.3)."""
    names = {field.name for field in fields}
    added = []
    if b"date" not in names:
        date = _date(int(now.timestamp()))
        added.append(Field(b"date", f"Date: {date}\r\n".encode()))
    if b"message-id" not in names:
        added.append(Field(b"message-id", f"Message-ID: <{message_id}@{domain}>\r\n".encode()))
    return added


def trace(account_public_id: str, door: Door, message_id: UUID, now: datetime) -> bytes:
    """Return our Received field (RFC 5321 §4.4), which names the account and hides its address."""
    return (
        f"Received: from {account_public_id} by {settings.OPERATOR_HOST}\r\n"
        f"{WITH[door]} id {message_id};\r\n {_date(int(now.timestamp()))}\r\n"
    ).encode()


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    """Return a time as a header writes it (RFC 5322 §3.3); all messages of a second share it."""
    return email.utils.format_datetime(datetime.fromtimestamp(second, UTC))
