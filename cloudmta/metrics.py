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
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloudmta import gauges, presence


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
        sites: list[Metric] = []
        try:
            snapshots = presence.snapshots()
            sites.extend(gauges.of_sites(presence.connect()))
        except redis.RedisError:
            snapshots = []  # which shows: no process is there
        yield _processes(process for process, _ in snapshots)
        yield from _merged(snapshots)
        yield from sites
        try:
            yield from gauges.of_database()
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


def _up(value: int) -> Metric:
    return GaugeMetricFamily("cloudmta_database_up", "Whether PostgreSQL answers", value=value)
