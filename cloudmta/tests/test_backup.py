"""Backup and restore by the commands of docs/operating.md, taken while mail flows."""

import email
import os
import re
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cloudmta.embedded import DATABASE, ThrowAway, database_url, redis_url, socket_dir
from cloudmta.testing import PATIENCE, ROOT, House, answers, eventually, free_ports
from cloudmta.tests.load import Load

pytestmark = pytest.mark.xdist_group("house")
OPERATING = (ROOT / "docs/operating.md").read_text()
WAITING = [f"waiting+{number}@sim.test" for number in range(5)]
OURS = "starts_with(address, 'waiting+') OR starts_with(address, 'backup+')"
WORKERS = ("standard", "digest", "beat")


class Restored:
    """A new PostgreSQL and Redis, and what the documented commands brought there."""

    def __init__(self, house: House, directory: Path) -> None:
        self.house, self._directory = house, directory
        self.services = ThrowAway()
        self.var = directory / "var"
        self.var.mkdir()
        smtp, smtps = free_ports(2)
        self.smtp_port = smtp
        self.environment = {
            "DATABASE_URL": database_url(self.services.directory),
            "REDIS_URL": redis_url(self.services.directory),
            "VAR_DIR": str(self.var),
            "SUBMISSION_PORTS": str(smtp),
            "SUBMISSION_TLS_PORTS": str(smtps),
            # An operator has them in `.env`.
            "SECRET_KEY": (house.directory / "secret_key").read_text(),
            "MASTER_KEYS": (house.directory / "master_key").read_text(),
        }

    def run(self, program: str, services: ThrowAway, var: Path) -> None:
        """Run the one documented command that has these words, as its container would."""
        (line,) = re.findall(rf"^    docker compose (?:exec|run) .*{program}.*$", OPERATING, re.M)
        command = re.sub(r"^    docker compose \w+ (--?\w+ )*\w+ ", "", line)
        assert command.startswith(("pg_", "tar "))
        binaries = Path(psutil.Process(services.pid("postgres")).exe()).parent
        done = subprocess.run(
            command.replace("/srv/var", str(var)), shell=True, cwd=self._directory,
            env=os.environ | {
                "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
                "PGHOST": str(socket_dir(services.directory)),
            },
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")

    def sql(self, query: str) -> list[tuple[object, ...]]:
        where = str(socket_dir(self.services.directory))
        with psycopg.connect(host=where, user="postgres", dbname=DATABASE) as connection:
            return connection.execute(query.encode()).fetchall()

    def addresses(self, condition: str = "true") -> set[object]:
        return {one for (one,) in self.sql(f"SELECT address FROM mail_recipient WHERE {condition}")}

    def start(self, *names: str) -> None:
        for name in names:
            self.house.start(name, f"restored {name}", **self.environment)

    def stop(self, *names: str) -> None:
        for name in names:
            self.house.kill(f"restored {name}")


def make_user(services: ThrowAway) -> None:
    """Make the user that PostgreSQL's image makes."""
    where = str(socket_dir(services.directory))
    with psycopg.connect(host=where, user="postgres", dbname=DATABASE) as connection:
        connection.execute("CREATE ROLE cloudmta SUPERUSER LOGIN")


@pytest.fixture(scope="module")
def answered() -> set[str]:
    """Recipients whose message had its 250 when the dump began."""
    return set()


@pytest.fixture(scope="module")
def restored(
    house: House, answered: set[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restored]:
    restored = Restored(house, tmp_path_factory.mktemp("backup"))
    try:
        make_user(house.services)
        make_user(restored.services)
        with house.paused("digest"):
            for address in WAITING:
                house.submit(house.message(address, X_CloudMTA_Class="digest"))
            load = Load(house, "backup")
            load.start()
            assert load.half.wait(timeout=120)
            answered.update({*load.answered, *WAITING})
            restored.run("pg_dump", house.services, house.directory)
            load.join()
        restored.run("tar -C /srv/var -c", house.services, house.directory)
        restored.run("tar -C /srv/var -x", restored.services, restored.var)
        restored.run("pg_restore", restored.services, restored.var)
        restored.run("pg_restore", restored.services, restored.var)  # over what is there
        yield restored
    finally:
        house.sql("DROP ROLE IF EXISTS cloudmta")
        restored.services.stop()


def test_the_ledger_adds_up_and_has_what_was_answered(
    restored: Restored, answered: set[str]
) -> None:
    assert "run --rm web python manage.py ledger\n" in OPERATING

    done = restored.house.try_manage("ledger", **restored.environment)

    assert done.returncode == 0, done.stdout
    assert "It adds up." in done.stdout
    assert answered <= restored.addresses()
    assert restored.addresses("due_at IS NOT NULL") >= set(WAITING)


def test_new_workers_deliver_what_waited_and_only_the_same_again(restored: Restored) -> None:
    house = restored.house
    for address in WAITING:
        eventually(lambda address=address: house.received(address))  # of the old ones

    restored.start(*WORKERS)
    try:
        for address in WAITING:
            eventually(lambda address=address: len(house.received(address)) == 2)
        eventually(lambda: not restored.addresses(f"due_at IS NOT NULL AND ({OURS})"))
    finally:
        restored.stop(*WORKERS)

    for address in WAITING:
        first, second = map(house.content, house.received(address))
        names = {email.message_from_bytes(one)["Message-ID"] for one in (first, second)}
        assert len(names) == 1
    assert house.try_manage("ledger", **restored.environment).returncode == 0


def test_clients_go_on_with_what_they_have(restored: Restored) -> None:
    house = restored.house
    restored.start("submission", "standard")
    try:
        eventually(lambda: answers(restored.smtp_port))
        with smtplib.SMTP("127.0.0.1", restored.smtp_port, timeout=PATIENCE) as client:
            client.starttls(context=house.trust)
            client.login(house.demo["smtp_username"], house.demo["smtp_password"])
            client.send_message(house.message("afterwards@sim.test"))
        (captured,) = eventually(lambda: house.received("afterwards@sim.test"))
    finally:
        restored.stop("submission", "standard")

    signature = email.message_from_bytes(house.content(captured))["DKIM-Signature"]
    assert f"d={house.demo['sending_domain']};" in signature
