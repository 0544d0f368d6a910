"""The product that is measured: one of our own in a directory of its own, or one that runs."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cloudmta import embedded

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS, STOP_SECONDS = 120, 90
# Below the ports that systems give to outgoing connections.
PORTS = range(20_000, 30_000)
# Lines of the product's log that tell of trouble.
TROUBLE = (" ERROR ", "Traceback", "starting again")


class ProductError(Exception):
    """The product does not run; the text says why and where its log is."""


@dataclass(frozen=True)
class Product:
    """A product that runs."""

    pid: int  # of its supervisor
    var_dir: Path
    facts: dict[str, Any]  # demo.json
    log: Path | None

    @property
    def environment(self) -> dict[str, str]:
        """What a process of ours needs to work on the product's own data."""
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "cloudmta.settings",
            "DEVELOPMENT": "true",
            "VAR_DIR": str(self.var_dir),
            "WEB_PORT": _port(self.facts["dashboard_url"]),
            "SIMULATOR_HTTP_PORT": _port(self.facts["simulator_url"]),
            "SIMULATOR_DNS_PORT": str(self.facts["dns_port"]),
            "SUBMISSION_PORTS": str(self.facts["smtp_port"]),
            "SUBMISSION_TLS_PORTS": str(self.facts["smtps_port"]),
            "DATABASE_URL": embedded.database_url(self.var_dir),
            "REDIS_URL": embedded.redis_url(self.var_dir),
        }

    def troubles(self) -> int:
        """Return how many lines of its log tell of trouble."""
        if self.log is None:
            return 0
        lines = self.log.read_text(errors="replace").splitlines()
        return sum(any(word in line for word in TROUBLE) for line in lines)


def _port(url: str) -> str:
    return url.rstrip("/").rpartition(":")[2]


@contextlib.contextmanager
def started() -> Iterator[Product]:
    """Run a product as `make run` does, for as long as it is needed.

    Its directory goes with it, unless something failed: there is the log.
    """
    directory = Path(tempfile.mkdtemp(prefix="cloudmta-bench-"))
    directory.chmod(0o755)  # PostgreSQL may run as another user
    environment = _environment(directory)
    log = directory / "product.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is for us; we tell it in time
        )  # fmt: skip
    try:
        yield _when_ready(process, directory, log)
    except BaseException:
        _stop(process)
        print(f"The log of the product: {log}", file=sys.stderr)
        raise
    _stop(process)
    shutil.rmtree(directory, ignore_errors=True)


def _environment(directory: Path) -> dict[str, str]:
    ports = [str(port) for port in _free_ports(7)]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
    }
    return kept | {
        "VAR_DIR": str(directory),
        "DEVELOPMENT": "true",
        "WEB_PORT": ports[0],
        "SUBMISSION_PORTS": ports[1],
        "SUBMISSION_TLS_PORTS": ports[2],
        "SIMULATOR_DNS_PORT": ports[3],
        "DNS_RESOLVERS": f"127.0.0.1:{ports[3]}",
        "SIMULATOR_SMTP_PORT": ports[4],
        "EXCHANGER_PORT": ports[4],
        "DIGEST_WINDOW": "0",  # they are to wait in the queue, not for their time
        "SIMULATOR_HTTP_PORT": ports[5],
        "BOUNCES_PORT": ports[6],
        "SUBMISSION_AUTH_IN_CLEAR": "true",
    }


def _free_ports(number: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == number:
            break
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return found


def _when_ready(process: subprocess.Popen[bytes], directory: Path, log: Path) -> Product:
    """Wait until every door answers. Raises ProductError."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ProductError(f"The product ended with {process.returncode}: see {log}")
        facts = _facts(directory)
        if facts and all(map(_answers, _ports(facts))):
            return Product(process.pid, directory, facts, log)
        time.sleep(0.2)
    raise ProductError(f"The product did not open its doors in {START_SECONDS} s: see {log}")


def _facts(directory: Path) -> dict[str, Any]:
    try:
        facts = json.loads((directory / "demo.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _ports(facts: dict[str, Any]) -> list[int]:
    urls = (facts["dashboard_url"], facts["simulator_url"])
    return [facts["smtp_port"], facts["smtps_port"], *(int(_port(url)) for url in urls)]


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it as Ctrl-C does, or by force where that takes for ever."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


@contextlib.contextmanager
def attached(directory: Path) -> Iterator[Product]:
    """Use the product that runs in a directory. Raises ProductError."""
    facts = _facts(directory)
    pid = _holder(directory / "run.lock")
    if pid is None or not facts or not all(map(_answers, _ports(facts))):
        raise ProductError(f"No product runs in {directory}: `make run` starts one.")
    yield Product(pid, directory, facts, None)


def _holder(lock: Path) -> int | None:
    """Return who holds the lock of a running product."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "run" in process.cmdline() and any(
                file.path == str(lock) for file in process.open_files()
            ):
                return int(process.pid)
    return None
