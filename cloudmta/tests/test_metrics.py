"""What Prometheus gets to read: of every process, and in its own conventions."""

import json
import re
import smtplib
import urllib.request
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from accounts.message_class import MessageClass
from cloudmta.testing import ROOT, House, eventually
from events import metrics as webhook_metrics
from events import webhooks
from events.models import News
from messages import metrics
from messages.models import State
from messages.tests.factories import AccountFactory, EventFactory, RecipientFactory
from messages.tests.sites_driver import tell

DASHBOARD = json.loads((ROOT / "docs/grafana/cloudmta.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
# Alarms that operators are told of.
EXPRESSIONS += re.findall(
    r"^\| `([^`]*cloudmta_[^`]*)` \|", (ROOT / "docs/operating.md").read_text(), re.M
)


class Scrape:
    """All samples of one scrape."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in families for sample in family.samples]
        self.names = {sample.name for sample in self.samples}
        # Those too that have nothing to count yet.
        self.names |= {one.name + "_total" * (one.type == "counter") for one in families}

    def total(self, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def scrape(house: House) -> Scrape:
    with urllib.request.urlopen(f"{house.demo['dashboard_url']}metrics") as response:
        return Scrape(response.read().decode())


@pytest.fixture
def web(house):
    house.open_web()
    yield house
    house.kill("web")


@pytest.mark.xdist_group("house")
def test_every_process_is_counted_in_one_scrape(web):
    house = web
    before = scrape(house)

    house.submit(house.message("metrics@sim.test"))
    with pytest.raises(smtplib.SMTPResponseException), house.smtp() as client:
        code, text = client.mail("mallory@bobs.example")
        raise smtplib.SMTPResponseException(code, text)

    def grew(name: str, **labels: str) -> bool:
        return scrape(house).total(name, **labels) > before.total(name, **labels)

    eventually(lambda: grew("cloudmta_accepted_messages_total", door="smtp", role="submission"))
    eventually(lambda: grew("cloudmta_refused_submissions_total", cause="domain_not_verified"))
    eventually(lambda: grew("cloudmta_attempts_total", state="delivered", message_class="standard"))
    eventually(lambda: grew("cloudmta_delivery_seconds_count", role="worker standard"))
    seen = scrape(house)
    assert seen.total("cloudmta_database_up") == 1
    assert seen.total("cloudmta_processes", role="worker standard") == 1
    assert seen.total("cloudmta_processes", role="web") >= 1
    assert seen.total("process_cpu_seconds_total", role="beat") > 0
    assert seen.total("cloudmta_sites", state="good") >= 1
    assert seen.total("cloudmta_database_connections") > 1
    assert not any(name.startswith("python_") for name in seen.names)
    # The dashboard and the alarms ask for nothing that is not there.
    wanted = set(re.findall(r"\b(?:cloudmta|process)_[a-z_]+", " ".join(EXPRESSIONS)))
    assert wanted <= seen.names


@pytest.mark.django_db
def test_backlog_is_counted_by_class(client):
    seen = Scrape(client.get("/metrics").content.decode())

    assert {"cloudmta_due_recipients", "cloudmta_oldest_due_seconds"} <= seen.names
    assert seen.total("cloudmta_due_recipients", message_class="priority") == 0


@pytest.mark.django_db
def test_webhooks_that_are_left_alone_are_counted(client):
    account, soon = AccountFactory(), timezone.now() + timedelta(minutes=5)
    for fields in ({}, {"paused_until": soon}, {"paused_until": soon, "is_enabled": False}):
        webhooks.create(account, "https://hooks.alices.example/", **fields)

    seen = Scrape(client.get("/metrics").content.decode())

    assert seen.total("cloudmta_paused_webhooks") == 1


@pytest.mark.django_db
def test_how_late_webhooks_are_is_told_by_those_that_are_not_left_alone(client):
    account, soon = AccountFactory(), timezone.now() + timedelta(minutes=5)
    for minutes, fields in ((2, {}), (1, {}), (60, {"paused_until": soon})):
        webhook, _ = webhooks.create(account, "https://hooks.alices.example/", **fields)
        event = EventFactory(account=account)
        News.objects.create(
            webhook=webhook, event_id=event.id, message_id=event.message_id,
            created_at=timezone.now() - timedelta(minutes=minutes),
        )  # fmt: skip

    lag = Scrape(client.get("/metrics").content.decode()).total("cloudmta_webhook_lag_seconds")

    assert 110 < lag < 600


@pytest.mark.django_db
def test_what_is_held_is_counted_by_class(client):
    RecipientFactory(state=State.HELD, message_class=MessageClass.DIGEST)
    RecipientFactory(state=State.QUEUED, message_class=MessageClass.DIGEST)

    seen = Scrape(client.get("/metrics").content.decode())

    assert seen.total("cloudmta_held_recipients", message_class="digest") == 1
    assert seen.total("cloudmta_held_recipients", message_class="standard") == 0


@pytest.mark.django_db
def test_a_site_that_is_spared_is_named(client):
    site = tell("mx1.metrics.example")

    seen = Scrape(client.get("/metrics").content.decode())

    whose = {"site": site, "host": "mx1.metrics.example"}
    assert seen.total("cloudmta_spared_site", **whose, state="down") == 1
    assert seen.total("cloudmta_sites", state="down") >= 1
    assert "cloudmta_site_waiting_recipients" in seen.names


@pytest.mark.django_db
def test_without_redis_the_queues_are_still_told(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"

    seen = Scrape(client.get("/metrics").content.decode())

    assert "cloudmta_due_recipients" in seen.names
    assert "cloudmta_accepted_messages_total" not in seen.names
    assert "cloudmta_sites" not in seen.names


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "development", "header", "status"),
    [
        ("", False, None, 404),
        ("s3cret", True, None, 404),
        ("s3cret", False, "Bearer wrong", 404),
        ("s3cret", False, "Bearer s3crét", 404),
        ("s3cret", False, "Bearer s3cret", 200),
    ],
)
def test_only_who_has_the_token_may_read(client, settings, token, development, header, status):
    settings.METRICS_TOKEN, settings.DEVELOPMENT = token, development

    headers = {"HTTP_AUTHORIZATION": header} if header else {}

    assert client.get("/metrics", **headers).status_code == status


def test_names_and_units_follow_the_conventions():
    """Base units, `_total` on counters: https://prometheus.io/docs/practices/naming/"""
    known = [*vars(metrics).values(), *vars(webhook_metrics).values()]
    ours = [one for one in known if isinstance(one, Counter | Gauge | Histogram)]
    families = [family for metric in ours for family in metric.collect()]

    assert families
    for family in families:
        assert re.fullmatch(r"cloudmta(_[a-z]+)+", family.name)
        assert family.documentation
        assert not re.search(r"milli|_ms\b|minutes|kilobytes", family.name)
