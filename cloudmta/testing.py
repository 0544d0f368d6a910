"""The test world: the whole product as real processes, and Alice and Bob, who use it."""

import contextlib
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import redis

from cloudmta.embedded import ThrowAway, database_url, die_with_parent, redis_url, socket_dir

ROOT = Path(__file__).resolve().parent.parent
# Everything that a message passes.
ROAD = {
    "simulator": ("manage.py", "simulator"),
    "submission": ("manage.py", "submission"),
    "bounces": ("manage.py", "bounces"),
    "priority": ("manage.py", "worker", "priority"),
    "standard": ("manage.py", "worker", "standard"),
    "digest": ("manage.py", "worker", "digest", "housekeeping"),
    "webhooks": ("manage.py", "worker", "webhooks"),
    "beat": ("manage.py", "beat"),
}
PATIENCE = 60  # seconds until what must happen counts as not happening

Value = TypeVar("Value")


def eventually(look: Callable[[], Value], seconds: float = PATIENCE) -> Value:
    """Look again and again until there is something to see, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} s: {look}; last seen: {seen!r}")
        time.sleep(0.02)
    return seen


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class House:
    """The product with a PostgreSQL, a Redis and a simulator of its own, on ports of its own."""

    def __init__(self, **environment: str) -> None:
        self.services = ThrowAway()
        self.directory = self.services.directory / "var"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        (
            self.smtp_port, self.smtps_port, self.exchanger_port, self.http_port, self.dns_port,
            self.web_port, self.bounces_port,
        ) = free_ports(7)  # fmt: skip
        self.environment = os.environ | {
            "DATABASE_URL": database_url(self.services.directory),
            "REDIS_URL": redis_url(self.services.directory),
            "DEVELOPMENT": "true",
            "VAR_DIR": str(self.directory),
            "WEB_PORT": str(self.web_port),
            "SUBMISSION_PORTS": str(self.smtp_port),
            "SUBMISSION_TLS_PORTS": str(self.smtps_port),
            "BOUNCES_PORT": str(self.bounces_port),
            "EXCHANGER_PORT": str(self.exchanger_port),
            "SIMULATOR_SMTP_PORT": str(self.exchanger_port),
            "SIMULATOR_HTTP_PORT": str(self.http_port),
            "SIMULATOR_DNS_PORT": str(self.dns_port),
            "DNS_RESOLVERS": f"127.0.0.1:{self.dns_port}",
            "DIGEST_WINDOW": "0",  # all tests together send more than go at once
            "PYTHONWARNINGS": "default",
            **environment,
        }
        self.manage("migrate", "--verbosity", "0")
        self.manage("demo")
        self.demo: dict[str, Any] = json.loads((self.directory / "demo.json").read_text())
        # Tests bounce more than any account may: as if staff had looked at all of it.
        self.sql("UPDATE accounts_account SET judged_since = '2100-01-01'")

    def open(self, *names: str) -> None:
        """Start processes of the road, all by default, and wait for the doors among them."""
        for name in names or ROAD:
            self.start(name)
        ports = {
            "simulator": self.http_port,
            "submission": self.smtps_port,
            "bounces": self.bounces_port,
        }
        for name in names or ROAD:
            if name in ports:
                eventually(partial(answers, ports[name]))

    def open_web(self) -> None:
        """Start the web server, which the road does without, at the demo's `dashboard_url`."""
        if "web" in self._processes:
            return
        bind = f"127.0.0.1:{self.web_port}"
        self._spawn("web", ("-m", "gunicorn", "cloudmta.wsgi", "--no-control-socket", "-b", bind))
        eventually(partial(answers, self.web_port))

    def start(self, name: str, alias: str = "", **environment: str) -> None:
        """Start a process; under an alias, and with settings of its own, one more of the kind."""
        self._spawn(alias or name, ROAD[name], **environment)

    def _spawn(self, name: str, command: tuple[str, ...], **environment: str) -> None:
        log = (self.directory / f"{name}.log").open("ab")
        self._processes[name] = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip
        log.close()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process and all its children, and wait until the process is gone."""
        process = self._processes.pop(name)
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(timeout=PATIENCE)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Let a process or a service hang meanwhile, with its children and all its connections."""
        own = self._processes.get(name)
        parent = psutil.Process(own.pid if own else self.services.pid(name))
        parent.suspend()  # first, so that it has no more children
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def close(self) -> None:
        """Stop everything and forget it."""
        for name in list(self._processes):
            self.kill(name)
        self.services.stop()

    def children(self, name: str) -> list[psutil.Process]:
        """Return the processes that a process has started."""
        return psutil.Process(self._processes[name].pid).children(recursive=True)

    def flush_redis(self) -> None:
        redis.Redis.from_url(self.environment["REDIS_URL"]).flushall()

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def manage(self, *command: str) -> str:
        """Run a management command and return what it printed; it must succeed."""
        done = self.try_manage(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def try_manage(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=self.environment | environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, beside all processes."""
        where = str(socket_dir(self.services.directory))
        with psycopg.connect(host=where, user="postgres", dbname="cloudmta") as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def ledger(self) -> dict[str, Any]:
        """Return the books; they must add up."""
        books: dict[str, Any] = json.loads(self.manage("ledger", "--json"))
        assert books["faults"] == []
        return books

    # --- as a client ---

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.demo["ca_file"])

    def smtp(self, *, log_in: bool = True) -> smtplib.SMTP:
        """Return a real client that has verified our certificate and logged in."""
        client = smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=PATIENCE)
        try:
            client.starttls(context=self.trust)
            client.ehlo()
            if log_in:
                client.login(self.demo["smtp_username"], self.demo["smtp_password"])
        except BaseException:
            client.close()  # in a crash test, the door may be gone by now
            raise
        return client

    def message(self, to: str = "delivered@sim.test", **headers: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = f"Alice <alice@{self.demo['sending_domain']}>"
        message["To"] = to
        message["Subject"] = "Hello"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content("It works.\n")
        return message

    def submit(self, message: EmailMessage | bytes, *to: str) -> str:
        """Hand a message in, and return the id out of the reply to the dot."""
        if isinstance(message, EmailMessage):
            to = to or (str(message["To"]),)
            message = message.as_bytes(policy=SMTP)
        with self.smtp() as client:
            client.mail(f"alice@{self.demo['sending_domain']}")
            for address in to:
                client.rcpt(address)
            code, text = client.data(message)
        assert code == 250, (code, text)
        return text.decode().removeprefix("Thanks! Queued as: ")

    # --- what the world received ---

    def received(self, recipient: str) -> list[dict[str, Any]]:
        """Return the captured messages of a recipient."""
        return json.loads(self._get(f"/messages?recipient={urllib.parse.quote(recipient)}"))

    def content(self, captured: dict[str, Any]) -> bytes:
        """Return the very bytes of a captured message."""
        return self._get(f"/messages/{captured['id']}.eml")

    def stats(self) -> dict[str, Any]:
        return json.loads(self._get("/stats"))

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}") as response:
            return bytes(response.read())


def answers(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
