"""Add up what happens, by the hour: in the transaction of the fact, so that no page ever counts."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Account
from events.bulk import dict_cursor
from events.models import DomainTally

# Times to deliver are kept in buckets: the upper end of each is the fourth root of two times that
# of the one before, so a percentile is told to 9 %. The first ends at 1/16 s.
PER_DOUBLING = 4
FIRST_ENDS_AT = 1 / 16  # seconds
LAST_BUCKET = 120  # 2 years: no message waits so long

# Mail may go to any number of destinations: those beyond the greatest of an hour are soon added up
# as one, "". Hours are looked at again for a day, for what is counted late.
DESTINATIONS_AN_HOUR = 50
FOLD_AFTER = timedelta(hours=2)
FOLD_AGAIN = timedelta(hours=26)

Key = tuple[object, ...]
SENDER, DESTINATION = DomainTally.Side.SENDER.value, DomainTally.Side.DESTINATION.value


class Sums:
    """What one transaction adds to the tallies; nothing is written before `write`."""

    def __init__(self) -> None:
        self._tallies: Counter[Key] = Counter()
        self._domains: Counter[Key] = Counter()
        self._times: Counter[Key] = Counter()

    def add(
        self,
        kind: str,
        account_id: int,
        when: datetime,
        message_class: MessageClass,
        tags: Iterable[str],
        sender_domain: str,
        destinations: Collection[str],
    ) -> None:
        """Count recipients who met the same fate, one at each destination."""
        if not destinations:
            return
        hour, amount, kind = _hour(when), len(destinations), str(kind)
        for tag in ("", *tags):  # "": every message, tagged or not
            self._tallies[account_id, hour, int(message_class), tag, kind] += amount
        self._domains[account_id, SENDER, hour, sender_domain, kind] += amount
        for destination in destinations:
            self._domains[account_id, DESTINATION, hour, destination, kind] += 1

    def add_time(
        self, account_id: int, when: datetime, message_class: MessageClass, seconds: float
    ) -> None:
        """Count how long one recipient's delivery took, from acceptance on."""
        self._times[account_id, _hour(when), int(message_class), bucket_of(seconds)] += 1

    def write(self) -> None:
        """Add everything to the tables, in the transaction that runs."""
        _add(TALLIES, TALLY_TYPES, self._tallies)
        _add(DOMAIN_TALLIES, DOMAIN_TALLY_TYPES, self._domains)
        _add(DELIVERY_TIMES, DELIVERY_TIME_TYPES, self._times)


def _hour(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)


def bucket_of(seconds: float) -> int:
    """Return the bucket that a time to deliver is counted in."""
    if seconds <= FIRST_ENDS_AT:
        return 0
    return min(math.ceil(PER_DOUBLING * math.log2(seconds / FIRST_ENDS_AT)), LAST_BUCKET)


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """Return the seconds within which such a share was delivered; None: nothing was.

    It is the middle of a bucket, so it may be 9 % off.
    """
    left = sum(buckets.values()) * share
    for bucket in sorted(buckets):
        left -= buckets[bucket]
        if left <= 0 and buckets[bucket]:
            return FIRST_ENDS_AT * float(2 ** ((bucket - 0.5) / PER_DOUBLING))
    return None


TALLIES = "events_tally", ("account_id", "hour", "message_class", "tag", "kind")
TALLY_TYPES = ("bigint", "timestamptz", "smallint", "text", "text")
DOMAIN_TALLIES = "events_domaintally", ("account_id", "side", "hour", "domain", "kind")
DOMAIN_TALLY_TYPES = ("bigint", "smallint", "timestamptz", "text", "text")
DELIVERY_TIMES = "events_deliverytime", ("account_id", "hour", "message_class", "bucket")
DELIVERY_TIME_TYPES = ("bigint", "timestamptz", "smallint", "smallint")


def _add(
    table: tuple[str, tuple[str, ...]], types: Sequence[str], amounts: Mapping[Key, int]
) -> None:
    if not amounts:
        return
    name, columns = table
    # Always in one order, so that two transactions that touch the same tallies cannot deadlock.
    keys = sorted(amounts)
    places = ", ".join(f"%s::{one}[]" for one in (*types, "bigint"))
    values = [[key[index] for key in keys] for index in range(len(columns))]
    with dict_cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {name} ({", ".join(columns)}, count) SELECT * FROM unnest({places})
            ON CONFLICT ({", ".join(columns)})
            DO UPDATE SET count = {name}.count + EXCLUDED.count
            """,
            [*values, [amounts[key] for key in keys]],
        )


# Rows are taken by their place in the table, whatever the planner thinks of how many there are. One
# that is counted up meanwhile may have moved: it is folded the next time.
FOLD = f"""
WITH counted AS (
    SELECT ctid, hour, domain,
           coalesce(sum(count) FILTER (WHERE kind = 'accepted')
                    OVER (PARTITION BY hour, domain), 0) AS accepted
      FROM events_domaintally
     WHERE account_id = %(account)s AND side = {DESTINATION}
       AND hour >= %(since)s AND hour < %(until)s AND domain <> ''
), ranked AS (
    SELECT ctid, dense_rank() OVER (PARTITION BY hour ORDER BY accepted DESC, domain) AS place
      FROM counted
), gone AS (
    DELETE FROM events_domaintally
     WHERE ctid = ANY(ARRAY(SELECT ctid FROM ranked WHERE place > {DESTINATIONS_AN_HOUR}))
    RETURNING hour, kind, count
)
INSERT INTO events_domaintally (account_id, side, hour, domain, kind, count)
SELECT %(account)s, {DESTINATION}, hour, '', kind, sum(count) FROM gone GROUP BY hour, kind
ON CONFLICT (account_id, side, hour, domain, kind)
DO UPDATE SET count = events_domaintally.count + EXCLUDED.count
"""


def fold_destinations(now: datetime | None = None) -> None:
    """Keep the greatest destinations of each hour that is over, and add up the others."""
    now = now or timezone.now()
    for account_id in Account.objects.values_list("pk", flat=True):
        fold(account_id, now - FOLD_AGAIN, now - FOLD_AFTER)


def fold(account_id: int, since: datetime, until: datetime) -> None:
    """Do so for the hours of one account, from one moment to another."""
    period = {"since": _hour(since), "until": _hour(until)}
    with connection.cursor() as cursor:
        cursor.execute(FOLD, {"account": account_id, **period})
