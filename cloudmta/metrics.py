"""What Prometheus scrapes: the counts of every process on every machine, and the state of queues.

Each process leaves what it has counted in Redis with each sign of life, so one address tells of
all of them, however many there are: GET /metrics of any web process.
"""

import hmac
from collections.abc import Iterable, Iterator

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from accounts.message_class import MessageClass
from cloudmta import presence
from events.models import Webhook


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape. With METRICS_TOKEN set it needs `Authorization: Bearer TOKEN`; in
    production there is nothing here without it."""
    if not _may_scrape(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Everything())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if not settings.METRICS_TOKEN:
        return bool(settings.DEVELOPMENT)
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())


class Everything(Collector):
    """What all processes have counted, and what the database knows at this moment."""

    def collect(self) -> Iterator[Metric]:
        try:
            snapshots = presence.snapshots()
        except redis.RedisError:
            snapshots = []  # which shows: no process is there
        yield _processes(process for process, _ in snapshots)
        yield from _merged(snapshots)
        try:
            yield from _queues()
            yield _webhooks()
        except DatabaseError:
            connection.close()
            yield _up(0)
        else:
            yield _up(1)


def _processes(found: Iterable[presence.Process]) -> Metric:
    family = GaugeMetricFamily("cloudmta_processes", "Processes that live", labels=["role"])
    amounts: dict[str, int] = {}
    for process in found:
        amounts[process.role] = amounts.get(process.role, 0) + 1
    for role, amount in sorted(amounts.items()):
        family.add_metric([role], amount)
    return family


def _merged(
    snapshots: Iterable[tuple[presence.Process, list[presence.Family]]],
) -> Iterable[Metric]:
    families: dict[str, Metric] = {}
    for process, counted in snapshots:
        # Not `instance`: that is Prometheus' own word for whom it scraped.
        whose = {"role": process.role, "process": f"{process.host}:{process.pid}"}
        for name, documentation, kind, samples in counted:
            family = families.setdefault(name, Metric(name, documentation, kind))
            for sample, labels, value in samples:
                family.add_sample(sample, labels | whose, value)
    return families.values()


def _queues() -> Iterator[Metric]:
    due = GaugeMetricFamily(
        "cloudmta_due_recipients", "Recipients that a worker may take now", labels=["message_class"]
    )
    age = GaugeMetricFamily(
        "cloudmta_oldest_due_seconds",
        "For how long the oldest recipient has been due",
        labels=["message_class"],
    )
    waiting = GaugeMetricFamily(
        "cloudmta_open_recipients", "Recipients without a final state", labels=["message_class"]
    )
    for message_class, (is_open, is_due, oldest) in backlog().items():
        waiting.add_metric([message_class.label], is_open)
        due.add_metric([message_class.label], is_due)
        age.add_metric([message_class.label], oldest)
    yield from (waiting, due, age)


def _webhooks() -> Metric:
    """Count the webhooks whose endpoints have failed, and are left alone for a while."""
    paused = Webhook.objects.filter(is_enabled=True, paused_until__gt=timezone.now()).count()
    return GaugeMetricFamily("cloudmta_paused_webhooks", "Webhooks that are left alone", paused)


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


def _up(value: int) -> Metric:
    return GaugeMetricFamily("cloudmta_database_up", "Whether PostgreSQL answers", value=value)
