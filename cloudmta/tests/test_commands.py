"""What a stranger meets who sets something up wrong: one sentence, and a non-zero exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloudmta.testing import PATIENCE, ROOT, House, eventually, free_ports

# Who runs it has no test tools installed: `.ci/run` names a Python without them.
RUN_PYTHON = os.environ.get("RUN_PYTHON", sys.executable)


def manage(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the one sentence that a failed command said."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("EXCHANGER_PORT", "smtp", "EXCHANGER_PORT must be a whole number, not 'smtp'."),
        ("EXCHANGER_PORT", "70000", "EXCHANGER_PORT must lie in 1 to 65535, not 70000."),
        ("PRIVATE_EXCHANGERS", "maybe", "PRIVATE_EXCHANGERS must be true or false, not 'maybe'."),
        ("RETRY_AFTER", "60,soon", "RETRY_AFTER must be whole numbers separated by commas."),
        ("DATABASE_URL", "sqlite:///x", "DATABASE_URL must name a PostgreSQL: postgres://…"),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL must be one of INFO, DEBUG, WARNING, ERROR, CRITICAL, not 'loud'.",
        ),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of line, json, not 'xml'."),
        (
            "VAR_DIR",
            "/dev/null/x",
            "VAR_DIR must be a directory that we may write to, not /dev/null/x (Not a directory).",
        ),
        ("REDIS_URL", "localhost", "REDIS_URL must begin with redis://, rediss:// or unix://."),
    ],
)
def test_a_wrong_setting_stops_the_start(setting: str, value: str, sentence: str) -> None:
    assert complaint(manage("check", **{setting: value})) == f"Wrong setting: {sentence}"


def test_production_wants_a_secret_key() -> None:
    done = manage("check", DEVELOPMENT="false", SECRET_KEY="")

    assert complaint(done) == "Wrong setting: SECRET_KEY must be set: 50 or more random characters."


def test_a_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    done = manage("submission", DATABASE_URL=f"postgres://postgres@/{tmp_path}/cloudmta")

    assert complaint(done).startswith("PostgreSQL does not answer: ")
    assert complaint(done).endswith("in development `make run` starts it.")


@pytest.mark.xdist_group("house")
def test_a_door_does_not_share_its_port_with_another(house: House) -> None:
    done = house.try_manage("submission")

    assert f"Port {house.smtp_port} on 127.0.0.1 cannot be opened" in complaint(done)


@pytest.mark.xdist_group("house")
def test_missing_migrations_are_said(house: House) -> None:
    house.sql("CREATE TABLE kept AS SELECT * FROM django_migrations WHERE app = 'mail'")
    house.sql("DELETE FROM django_migrations WHERE app = 'mail'")
    try:
        done = house.try_manage("worker", "standard")
    finally:
        house.sql("INSERT INTO django_migrations SELECT * FROM kept")
        house.sql("DROP TABLE kept")

    assert "run `python manage.py migrate` first" in complaint(done)


@pytest.mark.xdist_group("house")
def test_the_ledger_finds_what_does_not_add_up(house: House) -> None:
    ((account_id,),) = house.sql("SELECT id FROM accounts_account LIMIT 1")
    house.sql(
        "INSERT INTO events_tally (account_id, hour, message_class, tag, kind, count)"
        " VALUES (%s, '2020-01-01', 1, '', 'accepted', 1)",
        account_id,
    )
    try:
        done = house.try_manage("ledger")
    finally:
        house.sql("DELETE FROM events_tally WHERE hour = '2020-01-01'")

    assert done.returncode == 1
    assert f"account {account_id} on 2020-01-01: 1 recipients accepted, 0 stored" in done.stdout


@dataclass
class Run:
    """A `manage.py run` that is ready."""

    var: Path
    command: str  # to send a message, as it was printed


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """`manage.py run` with a directory and ports of its own."""
    var = tmp_path_factory.mktemp("run") / "var"
    ports = free_ports(7)
    names = (
        "WEB_PORT", "SUBMISSION_PORTS", "SUBMISSION_TLS_PORTS", "SIMULATOR_SMTP_PORT",
        "SIMULATOR_HTTP_PORT", "SIMULATOR_DNS_PORT", "BOUNCES_PORT",
    )  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    environment.pop("REDIS_URL", None)
    environment |= {name: str(port) for name, port in zip(names, ports, strict=True)}
    environment |= {"VAR_DIR": str(var), "EXCHANGER_PORT": str(ports[3])}
    environment["DNS_RESOLVERS"] = f"127.0.0.1:{ports[5]}"
    process = subprocess.Popen(
        [RUN_PYTHON, "manage.py", "run"], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield Run(var, _pasted(process, "printf"))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stdout
        process.stdout.close()


@pytest.mark.xdist_group("run")
class TestRun:
    def test_the_command_that_it_prints_sends_a_message(self, run: Run) -> None:
        subprocess.run(run.command, shell=True, check=True, capture_output=True, timeout=PATIENCE)

        demo = json.loads((run.var / "demo.json").read_text())
        url = f"{demo['simulator_url']}/messages?recipient=delivered@sim.test"
        eventually(lambda: json.loads(urllib.request.urlopen(url).read()))

    def test_the_dashboard_answers(self, run: Run) -> None:
        demo = json.loads((run.var / "demo.json").read_text())

        with urllib.request.urlopen(demo["dashboard_url"]) as response:
            assert response.status == 200

    def test_its_secrets_are_for_our_eyes_only(self, run: Run) -> None:
        for name in ("demo.json", "secret_key", "master_key", "tls/ca.key", "tls/server.key"):
            assert (run.var / name).stat().st_mode & 0o077 == 0, name

    def test_a_second_one_in_the_same_checkout_is_refused(self, run: Run) -> None:
        done = manage("run", DATABASE_URL="", VAR_DIR=str(run.var))

        assert complaint(done) == "CommandError: CloudMTA runs already in this checkout."


def _pasted(process: "subprocess.Popen[str]", beginning: str) -> str:
    """Return the command that `run` printed, from its first word to the line that ends it."""
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    line = next(line for line in lines if line.strip().startswith(beginning))
    command = line
    while line.endswith("\\\n"):
        line = next(lines)
        command += line
    return command


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = manage("run", DATABASE_URL="", VAR_DIR=str(tmp_path), WEB_PORT=str(port))

    assert complaint(done) == (
        f"CommandError: Port {port} cannot be opened (Address already in use): "
        "stop what listens there, or set WEB_PORT to another port."
    )
    assert not (tmp_path / "postgres").exists()
