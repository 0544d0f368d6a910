"""A standby has each commit before its 250: a server is lost, and nothing that was answered."""

import itertools
import shutil
import smtplib
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cloudmta.embedded import DATABASE, database_url, die_with_parent, socket_dir
from cloudmta.testing import PATIENCE, ROOT, House, eventually
from cloudmta.tests.breaking import connect

pytestmark = pytest.mark.xdist_group("crashes")
OPERATING = (ROOT / "docs/operating.md").read_text()
PROCESSES = ("submission", "priority", "standard", "digest", "webhooks", "beat", "bounces")
WAITING = (
    "SELECT 1 FROM mail_recipient WHERE due_at IS NOT NULL AND starts_with(address, 'standby+')"
)
ENOUGH = 50  # messages that are answered before the server is lost


def documented(words: str) -> str:
    """Return the one command of docs/operating.md that begins with these words."""
    (line,) = [
        line.strip() for line in OPERATING.splitlines() if line.startswith(f"    {words}")
    ]  # fmt: skip
    return line


class Standby:
    """Made by the documented commands; as a server it runs beside the one that it follows."""

    def __init__(self, house: House) -> None:
        primary = psutil.Process(house.services.pid("postgres"))
        self._binaries, self._user = Path(primary.exe()).parent, primary.username()
        self.directory = Path(tempfile.mkdtemp(prefix="cloudmta-standby-"))
        self._data, run = self.directory / "data", socket_dir(self.directory)
        self._process: subprocess.Popen[bytes] | None = None
        for path in (self.directory, run):
            path.mkdir(exist_ok=True, mode=0o700)
            shutil.chown(path, self._user)

    def copy(self, house: House) -> None:
        """Copy the server while it works, as is documented."""
        here = {
            "PRIMARY": str(socket_dir(house.services.directory)),
            "=cloudmta ": "=postgres ",
            "DATA": str(self._data),
        }
        command = documented("pg_basebackup")
        for word, value in here.items():
            command = command.replace(word, value)
        done = subprocess.run(
            [self._binaries / "pg_basebackup", *command.split()[1:]], user=self._user, cwd="/",
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        settings = {
            "unix_socket_directories": str(socket_dir(self.directory)), "listen_addresses": "",
            "max_connections": "200", "fsync": "off",
        }  # fmt: skip
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data), *flags],
                user=self._user, stdout=log, stderr=log, cwd="/", preexec_fn=die_with_parent,
            )  # fmt: skip

    def sql(self, query: str) -> list[tuple[object, ...]]:
        where = str(socket_dir(self.directory))
        with psycopg.connect(
            host=where, user="postgres", dbname=DATABASE, autocommit=True
        ) as connection:
            return connection.execute(query.encode()).fetchall()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(timeout=PATIENCE)
        shutil.rmtree(self.directory)


@pytest.fixture(scope="module")
def standby(crash_house: House) -> Iterator[Standby]:
    standby = Standby(crash_house)
    try:
        standby.copy(crash_house)
        standby.start()
        with connect(crash_house) as admin:
            admin.execute(documented("ALTER SYSTEM SET synchronous_standby").encode())
            admin.execute(documented("SELECT pg_reload_conf").encode())
            state = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            eventually(lambda: admin.execute(state).fetchone())
            # For when it runs again alone; nobody is told now.
            admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        yield standby
    finally:
        mend(crash_house)
        standby.stop()


def mend(house: House) -> None:
    """Let the first server run again, on which all other tests go on."""
    with connect(house) as admin:
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        slots = "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots"
        eventually(lambda: _done(admin, slots))


def _done(admin: "psycopg.Connection[tuple[object, ...]]", query: str) -> bool:
    try:
        admin.execute(query.encode())
    except psycopg.errors.ObjectInUse:
        return False
    return True


def submit_until_refused(house: House, answered: list[str]) -> None:
    try:
        with house.smtp() as client:
            for number in itertools.count():
                address = f"standby+{number}@sim.test"
                client.send_message(house.message(address))
                answered.append(address)
    except (OSError, smtplib.SMTPException):
        return


def test_when_the_server_is_lost_the_standby_has_all_that_was_answered(
    crash_house: House, standby: Standby
) -> None:
    house, answered = crash_house, list[str]()
    client = threading.Thread(target=submit_until_refused, args=(house, answered))
    client.start()
    eventually(lambda: len(answered) > ENOUGH)

    house.services.kill("postgres")
    try:
        client.join(timeout=PATIENCE)
        standby.sql(documented("SELECT pg_promote"))
        for name in PROCESSES:
            house.kill(name)
            house.start(name, DATABASE_URL=database_url(standby.directory))
        stored = {address for (address,) in standby.sql("SELECT address FROM mail_recipient")}
        assert set(answered) <= stored
        eventually(lambda: not standby.sql(WAITING))
        books = house.try_manage("ledger", DATABASE_URL=database_url(standby.directory))
    finally:
        house.services.start("postgres")
        for name in PROCESSES:
            house.kill(name)
        house.open(*PROCESSES)
        eventually(lambda: not house.sql(WAITING))

    assert all(house.received(address) for address in answered)
    assert books.returncode == 0, books.stdout
