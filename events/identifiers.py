"""Ids of messages and events: UUIDs in the order of time."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID

_VERSION_4 = 0x4 << 76
_VARIANT = 0b10 << 62
_RANDOM = (1 << 62) - 1


def new_id() -> UUID:
    """Return a UUID whose first 48 bits are the time in milliseconds, as in version 7 (RFC 9562).

    So an index grows at its end only. 12 bits more count in 4096ths of a millisecond (§6.2, method
    3), so that what one process writes together stays in order. It is marked as version 4, because
    published clients of the original service check for that digit.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    return UUID(
        int=(milliseconds & (1 << 48) - 1) << 80
        | _VERSION_4
        | (nanoseconds * 4096 // 1_000_000) << 64
        | _VARIANT
        | (int.from_bytes(os.urandom(8), "big") & _RANDOM)
    )


def id_at(moment: datetime) -> UUID:
    """Return an id as if it had been made at a moment, for what is written down later."""
    first = first_id_at(moment).int & ~_RANDOM
    return UUID(int=first | (int.from_bytes(os.urandom(8), "big") & _RANDOM))


def first_id_at(moment: datetime) -> UUID:
    """Return what no id made at a moment or later is less than, and every older one is."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(max(milliseconds, 0) & (1 << 48) - 1) << 80 | _VERSION_4 | _VARIANT)


def time_of(id: UUID) -> datetime:
    """Return the millisecond in which an id was made."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
