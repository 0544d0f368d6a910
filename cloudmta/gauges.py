"""What a scrape asks for on the spot: queues, holds, webhooks and connections in PostgreSQL, and
sites as the workers tell of them in Redis."""

from collections.abc import Iterator

import redis
from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric

from accounts.message_class import MessageClass
from messages import site_status
from messages.models import State
from messages.shaping import bulletin
from messages.site_status import SiteRow

# Sites that are told of one by one: those that need a look first, then those with most mail.
MAX_SITES = 50
SITE_STATES = ("Good", "Slowed", "Suspended", "Down")


def of_database() -> Iterator[Metric]:
    """Ask PostgreSQL. Raises DatabaseError."""
    yield from _queues()
    yield _held()
    yield from _webhooks()
    yield from _connections()


def _queues() -> Iterator[Metric]:
    waiting = _by_class("cloudmta_open_recipients", "Recipients without a final state")
    due = _by_class("cloudmta_due_recipients", "Recipients that a worker may take now")
    age = _by_class("cloudmta_oldest_due_seconds", "For how long the oldest recipient has been due")
    for message_class, (is_open, is_due, oldest) in backlog().items():
        waiting.add_metric([message_class.label], is_open)
        due.add_metric([message_class.label], is_due)
        age.add_metric([message_class.label], oldest)
    yield from (waiting, due, age)


def _by_class(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["message_class"])


def backlog() -> dict[MessageClass, tuple[int, int, float]]:
    """Count what is open and what is due of it, by class, over the index of what is open."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT message_class, count(*), count(*) FILTER (WHERE due_at <= now()),
                   coalesce(extract(epoch FROM now() - min(due_at)), 0)
              FROM mail_recipient WHERE due_at IS NOT NULL GROUP BY message_class
            """
        )
        found = {row[0]: (row[1], row[2], max(0.0, float(row[3]))) for row in cursor.fetchall()}
    return {one: found.get(one.value, (0, 0, 0.0)) for one in MessageClass}


def _held() -> Metric:
    family = _by_class("cloudmta_held_recipients", "Open recipients that wait for a reason of ours")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT message_class, count(*) FROM mail_recipient WHERE state = %s GROUP BY 1",
            [State.HELD],
        )
        held = dict(cursor.fetchall())
    for one in MessageClass:
        family.add_metric([one.label], held.get(one.value, 0))
    return family


def _webhooks() -> Iterator[Metric]:
    """Tell of webhooks whose endpoints have failed, and of how late we are for all others."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE is_paused),
                   coalesce(extract(epoch FROM now() - min(oldest) FILTER (WHERE NOT is_paused)), 0)
              FROM (SELECT coalesce(paused_until > now(), false) AS is_paused,
                           (SELECT created_at FROM events_news n
                             WHERE n.webhook_id = w.id ORDER BY n.id LIMIT 1) AS oldest
                      FROM events_webhook w WHERE is_enabled) enabled
            """
        )
        paused, lag = cursor.fetchone()
    yield GaugeMetricFamily("cloudmta_paused_webhooks", "Webhooks that are left alone", paused)
    yield GaugeMetricFamily(
        "cloudmta_webhook_lag_seconds",
        "For how long the oldest event waits for a webhook that is not left alone",
        max(0.0, float(lag)),
    )


def _connections() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), current_setting('max_connections')::int
              FROM pg_stat_activity WHERE backend_type = 'client backend'
            """
        )
        used, most = cursor.fetchone()
    yield GaugeMetricFamily(
        "cloudmta_database_connections", "Connections to PostgreSQL, of whomever", used
    )
    yield GaugeMetricFamily(
        "cloudmta_database_max_connections", "Connections that PostgreSQL allows", most
    )


def of_sites(client: redis.Redis) -> Iterator[Metric]:
    """Tell how sites stand in all workers together. Raises redis.RedisError."""
    rows = site_status.rows(bulletin.read(client))
    states = GaugeMetricFamily("cloudmta_sites", "Sites by how they stand", labels=["state"])
    for state in SITE_STATES:
        states.add_metric([state.lower()], sum(row.state == state for row in rows))
    yield states
    yield from _site_by_site(rows[:MAX_SITES])


def _site_by_site(rows: list[SiteRow]) -> Iterator[Metric]:
    whose = ["site", "host"]
    spared = GaugeMetricFamily(
        "cloudmta_spared_site", "1 where workers leave a site alone, or go slowly",
        labels=[*whose, "state"],
    )  # fmt: skip
    waiting = GaugeMetricFamily(
        "cloudmta_site_waiting_recipients", "Recipients that wait for a connection", labels=whose
    )
    connections = GaugeMetricFamily(
        "cloudmta_site_connections", "Open connections to a site", labels=whose
    )
    for row in rows:
        site = [row.site, row.hosts[0] if row.hosts else ""]
        waiting.add_metric(site, row.waiting)
        connections.add_metric(site, row.connections)
        if row.state != "Good":
            spared.add_metric([*site, row.state.lower()], 1)
    yield from (spared, waiting, connections)
