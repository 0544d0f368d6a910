"""What PostgreSQL and the simulator know of the messages."""

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from cloudmta import embedded

TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Snapshot:
    """All counts of the product at one moment."""

    stored: int
    recipients: int
    delivered: int
    delivery_events: int
    accepted_tally: int
    delivery_tally: int
    last_recipient: int  # the greatest id
    received: int
    duplicates: int


COUNT = """
SELECT (SELECT count(*) FROM mail_message),
       (SELECT count(*) FROM mail_recipient),
       (SELECT count(*) FROM mail_recipient WHERE state = 'delivered'),
       (SELECT count(*) FROM events_event WHERE kind = 'delivery'),
       (SELECT coalesce(sum(count), 0)::bigint FROM events_tally
         WHERE tag = '' AND kind = 'accepted'),
       (SELECT coalesce(sum(count), 0)::bigint FROM events_tally
         WHERE tag = '' AND kind = 'delivery'),
       (SELECT coalesce(max(id), 0) FROM mail_recipient)
"""

# The growth of the disk, in octets: contents, all else with its indexes, and what was written first
# to the write-ahead log, which is recycled.
SIZES = """
SELECT pg_total_relation_size('mail_content'),
       (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
           AND relname <> 'mail_content'),
       (pg_current_wal_insert_lsn() - '0/0')::bigint
"""


@dataclass(frozen=True)
class Fate:
    """One recipient: when it was accepted, and when it was settled (None: it is still open)."""

    message_id: str
    address: str
    message_class: int
    accepted_at: datetime
    settled_at: datetime | None


class Records:
    """Looks them up."""

    def __init__(self, var_dir: Path, simulator_url: str) -> None:
        self._database = psycopg.connect(
            host=str(embedded.socket_dir(var_dir)),
            user="postgres",
            dbname=embedded.DATABASE,
            autocommit=True,
        )
        self._simulator_url = simulator_url

    def close(self) -> None:
        self._database.close()

    # --- PostgreSQL ---

    def snapshot(self) -> Snapshot:
        """Return all counts of now."""
        row = self._database.execute(COUNT).fetchone()
        assert row
        stats = self._ask("GET", "/stats")
        counts = [*row, stats["received"], stats["duplicates"]]
        return Snapshot(*counts)

    def open_count(self) -> int:
        """Return how many recipients still wait for their fate."""
        query = "SELECT count(*) FROM mail_recipient WHERE due_at IS NOT NULL"
        row = self._database.execute(query).fetchone()
        return int(row[0]) if row else 0

    def octets(self) -> dict[str, float]:
        """Return what the product has taken of the disk until now, in octets."""
        row = self._database.execute(SIZES).fetchone()
        assert row
        return dict(zip(("contents", "other rows", "WAL"), map(float, row), strict=True))

    def stored_count(self, ids: Sequence[str]) -> int:
        """Return how many of these messages are there."""
        query = "SELECT count(*) FROM mail_message WHERE id = ANY(%s::uuid[])"
        row = self._database.execute(query, [list(ids)]).fetchone()
        return int(row[0]) if row else 0

    def fates(self, after: int) -> list[Fate]:
        """Return the recipients that came after the one with an id."""
        query = (
            "SELECT message_id::text, address, message_class, accepted_at, settled_at"
            "  FROM mail_recipient WHERE id > %s"
        )
        return [Fate(*row) for row in self._database.execute(query, [after])]

    # --- the simulator ---

    def keep_contents(self, keep: bool) -> None:
        """Let the simulator keep messages, or only count them."""
        self._ask("PUT", "/mode", {"keep_content": keep})

    def arrivals(self, local_part: str) -> dict[str, datetime]:
        """Return when each address with such a local part (before its +) got its first copy."""
        arrivals: dict[str, datetime] = {}
        for message in self._ask("GET", "/messages?limit=100000"):
            if message["recipient"].startswith(f"{local_part}+"):
                when = datetime.fromisoformat(message["received_at"])
                arrivals.setdefault(message["recipient"], when)
        return arrivals

    def forget(self) -> None:
        """Let the simulator throw away what it kept."""
        self._ask("DELETE", "/messages")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self._simulator_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            content = response.read()
        return json.loads(content) if content else None
