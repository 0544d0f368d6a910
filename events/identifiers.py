"""Ids of messages and events: UUIDs in the order of time."""

import os
import time
from datetime import datetime
from uuid import UUID

_VERSION_4 = 0x4 << 76
_VARIANT = 0b10 << 62
_RANDOM_A = 0xFFF << 64  # 12 bits between time and version
_RANDOM_B = (1 << 62) - 1


def new_id() -> UUID:
    """Return a UUID whose first 48 bits are the time in milliseconds, as in version 7 (RFC 9562).

    So an index grows at its end only. It is marked as version 4, because published clients of the
    original service check for that digit.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(
        int=(milliseconds & (1 << 48) - 1) << 80
        | _VERSION_4
        | (random & _RANDOM_A)
        | _VARIANT
        | (random & _RANDOM_B)
    )


def first_id_at(moment: datetime) -> UUID:
    """Return what no id made at a moment or later is less than, and every older one is."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(max(milliseconds, 0) & (1 << 48) - 1) << 80 | _VERSION_4 | _VARIANT)
