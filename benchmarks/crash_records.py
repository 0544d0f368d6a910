"""What PostgreSQL and the simulator know after a crash: asked anew each time, for they die too."""

import json
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from benchmarks.product import Product
from cloudmta import embedded

# Seconds until PostgreSQL must answer again.
PATIENCE = 60

IN_FLIGHT = "SELECT count(*) FROM mail_recipient WHERE state = 'leased'"
OPEN = """
SELECT (SELECT count(*) FROM mail_recipient WHERE due_at IS NOT NULL)
     + (SELECT count(*) FROM mail_incomingreport WHERE state = 'unread')
     + (SELECT count(*) FROM events_news)
"""
MESSAGES = """
SELECT m.id::text, m.door, r.address, r.state, r.settled_at IS NOT NULL AND r.due_at IS NULL,
       extract(epoch FROM coalesce(r.settled_at, now()) - m.accepted_at)::float
  FROM mail_message m JOIN mail_recipient r ON r.message_id = m.id
 WHERE m.door IN ('smtp', 'rest')
"""
# Those of the account that the webhook belongs to: the product's own mail is another's.
EVENTS = """
SELECT count(*) FROM events_event
 WHERE account_id = (SELECT account_id FROM accounts_credential WHERE username = %s)
"""
REPORTS = "SELECT count(DISTINCT recipient_id) FROM mail_incomingreport WHERE state <> 'unread'"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the database has it, with its one recipient."""

    id: str
    door: str
    recipient: str
    state: str
    is_final: bool
    seconds: float  # from acceptance to the final state


@dataclass(frozen=True, slots=True)
class Hook:
    """What the webhook's endpoint has taken."""

    events: int
    distinct: int


class CrashRecords:
    """Looks it up, and waits for a database that is just being started."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def in_flight(self) -> int:
        """Return how many recipients workers hold just now."""
        return int(self._rows(IN_FLIGHT)[0][0])

    def open(self) -> int:
        """Return how much is still to be done: recipients, reports, news for webhooks."""
        return int(self._rows(OPEN)[0][0])

    def messages(self) -> list[Stored]:
        return [Stored(*row) for row in self._rows(MESSAGES)]

    def events(self) -> int:
        return int(self._rows(EVENTS, self._product.facts["smtp_username"])[0][0])

    def reports_read(self) -> int:
        """Return how many recipients a report was read of."""
        return int(self._rows(REPORTS)[0][0])

    def copies(self) -> dict[str, Counter[str]]:
        """Return how often each address got what: reverse-paths, which name one message each."""
        received: dict[str, Counter[str]] = defaultdict(Counter)
        for message in self._ask("/messages?limit=1000000"):
            received[message["recipient"]][message["reverse_path"]] += 1
        return received

    def hook(self, name: str) -> Hook:
        shown = self._ask(f"/hooks/{name}?posts=0")
        return Hook(shown["events"], shown["distinct_events"])

    def _rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        return persistently(lambda: self._query(query, *values))

    def _query(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        where = str(embedded.socket_dir(self._product.var_dir))
        with psycopg.connect(host=where, user="postgres", dbname=embedded.DATABASE) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def _ask(self, path: str) -> Any:
        url = self._product.facts["simulator_url"] + path
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return json.loads(response.read())


def persistently(ask: Callable[[], Value]) -> Value:
    """Ask until PostgreSQL answers. Raises what psycopg raises where that takes for ever."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
