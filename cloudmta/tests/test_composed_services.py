"""Each service of docker-compose.yml runs outside Docker by its command, with `.env` filled in."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from cloudmta.embedded import ThrowAway, database_url, die_with_parent, redis_url
from cloudmta.testing import PATIENCE, ROOT, answers, eventually, free_ports
from cloudmta.tests.composition import OURS, filled_in, interpolated

pytestmark = pytest.mark.xdist_group("composed")
RUNNING = OURS.keys() - {"migrate"}
GRACE = 35  # seconds: `stop_grace_period`
# In CI those of an environment without the tools of the tests, as an image is.
PROGRAMS = Path(os.environ.get("RUN_PYTHON", sys.executable)).parent


class Composed:
    """A PostgreSQL and a Redis, and how a service is started beside them as Compose starts it."""

    def __init__(self) -> None:
        self.services = ThrowAway()
        self.directory = self.services.directory / "var"
        smtp, other_smtp, smtps, bounces, self.web_port = free_ports(5)
        # What only a container has: other hosts, low ports, all addresses.
        self._instead = {
            "DATABASE_URL": database_url(self.services.directory),
            "REDIS_URL": redis_url(self.services.directory),
            "VAR_DIR": str(self.directory),
            "SUBMISSION_HOST": "127.0.0.1",
            "SUBMISSION_PORTS": f"{smtp},{other_smtp}",
            "SUBMISSION_TLS_PORTS": str(smtps),
            "BOUNCES_HOST": "127.0.0.1",
            "BOUNCES_PORT": str(bounces),
            "DNS_RESOLVERS": "127.0.0.1:1",
        }
        self.ports = {
            "submission": [smtp, other_smtp, smtps], "bounces": [bounces], "web": [self.web_port],
        }  # fmt: skip

    def environment(self, name: str) -> dict[str, str]:
        """What a service sees: nothing of ours but where its programs are."""
        path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        return filled_in() | OURS[name]["environment"] | self._instead | {"PATH": path}

    def words(self, text: str) -> list[str]:
        """Return a command as Compose does, but for the address of the web server."""
        filled = interpolated(text, filled_in()).replace("0.0.0.0:", "127.0.0.1:")
        return shlex.split(filled.replace(":8000", f":{self.web_port}"))

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        with self.log(name).open("wb") as log:
            return subprocess.Popen(
                self.words(OURS[name]["command"]), cwd=ROOT, env=self.environment(name),
                stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        self.directory.mkdir(exist_ok=True)
        return self.directory / f"{name}.log"

    def has_announced_itself(self, name: str) -> bool:
        role = "web" if name == "web" else OURS[name]["healthcheck"]["test"][-1]
        client = redis.Redis.from_url(self._instead["REDIS_URL"])
        return any(client.scan_iter(match=f"presence:{role}:*"))

    def is_healthy(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Ask as Docker does."""
        kind, *test = OURS[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(
            [word.replace(":8000", f":{self.web_port}") for word in test],
            cwd=ROOT, env=self.environment(name), capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    composed = Composed()
    try:
        migrate = composed.start("migrate")
        assert migrate.wait(timeout=PATIENCE) == 0, composed.log("migrate").read_text()
        yield composed
    finally:
        composed.services.stop()


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_it_starts_is_healthy_and_ends_when_it_is_told_to(composed: Composed, name: str) -> None:
    assert composed.is_healthy(name).returncode != 0  # before it runs

    process = composed.start(name)
    try:
        eventually(lambda: composed.has_announced_itself(name))
        for port in composed.ports.get(name, []):
            eventually(lambda port=port: answers(port))
        health = composed.is_healthy(name)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=GRACE)

    assert health.returncode == 0, health.stdout + health.stderr
    assert code == 0, composed.log(name).read_text()
