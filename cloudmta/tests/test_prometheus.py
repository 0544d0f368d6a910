"""Prometheus itself scrapes us as docs/operating.md says, and answers what the dashboard asks."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudmta.embedded import die_with_parent
from cloudmta.testing import PATIENCE, ROOT, House, eventually, free_ports
from cloudmta.tests.test_metrics import EXPRESSIONS

pytestmark = [
    pytest.mark.xdist_group("house"),
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("promtool")),
        reason="Prometheus is missing: apt-get install prometheus",
    ),
]
OPERATING = (ROOT / "docs/operating.md").read_text()


def configuration(house: House) -> str:
    """Return what docs/operating.md shows, with our address instead of its example."""
    (shown,) = re.findall(r"^    scrape_configs:\n(?:      .*\n)+", OPERATING, re.M)
    jobs = yaml.safe_load(shown)
    (job,) = jobs["scrape_configs"]
    job |= {"scheme": "http", "static_configs": [{"targets": [f"127.0.0.1:{house.web_port}"]}]}
    return yaml.safe_dump({"global": {"scrape_interval": "1s"}, **jobs})


class Prometheus:
    """A server on loopback, in a directory of its own."""

    def __init__(self, directory: Path, configuration: str) -> None:
        file = directory / "prometheus.yml"
        file.write_text(configuration)
        (self._port,) = free_ports(1)
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self._port}"],
                stdout=log, stderr=log, preexec_fn=die_with_parent,
            )  # fmt: skip
        eventually(self._is_ready)

    def _is_ready(self) -> bool:
        try:
            return bool(self._get("/-/ready"))
        except OSError:  # it listens, or answers 503, before it is
            return False

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}") as response:
            return bytes(response.read())

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression; it must be one that can be asked for."""
        query = urllib.parse.urlencode({"query": expression})
        answer = json.loads(self._get(f"/api/v1/query?{query}"))
        return list(answer["data"]["result"])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def web(house: House) -> Iterator[House]:
    house.open_web()
    yield house
    house.kill("web")


@pytest.fixture(scope="module")
def prometheus(web: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), configuration(web))
    yield prometheus
    prometheus.stop()


def test_it_scrapes_every_process(prometheus: Prometheus) -> None:
    (up,) = eventually(lambda: prometheus.ask('up{job="cloudmta"} == 1'))

    assert up["value"][1] == "1"
    roles = {one["metric"]["role"] for one in prometheus.ask("process_cpu_seconds_total")}
    assert {"web", "submission", "worker standard", "beat"} <= roles


def test_it_understands_each_panel_and_alarm(prometheus: Prometheus) -> None:
    eventually(lambda: prometheus.ask("cloudmta_database_up == 1"))

    for expression in EXPRESSIONS:
        prometheus.ask(expression.replace("$__rate_interval", "1m"))

    assert prometheus.ask("cloudmta_database_connections < cloudmta_database_max_connections")


def test_its_own_check_finds_nothing_to_say(web: House) -> None:
    with urllib.request.urlopen(f"{web.demo['dashboard_url']}metrics") as response:
        text = response.read()

    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)

    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")
