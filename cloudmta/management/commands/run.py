"""Run everything on this machine, from nothing: embedded services, all processes, the simulator."""

import asyncio
import fcntl
import os
import signal
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from cloudmta import embedded
from cloudmta.demo import demo_file, ensure_demo
from cloudmta.embedded import EmbeddedError
from cloudmta.supervisor import Supervisor, read_procfile
from messages import certificates

READY_SECONDS = 60

WELCOME = """
CloudMTA runs. Everything is on this machine, nothing leaves it.

  Dashboard   {dashboard_url}
  Log in as   {login_email}  with  {login_password}
  Sign up     {dashboard_url}sign-up/  with any address at sim.test
  Simulator   {simulator_url}/messages  shows what "the world" received,
              {simulator_url}/messages/newest.txt  the newest of it
  REST API    {docs_url}  describes it, to read and to try

Send a message by SMTP (curl is an SMTP client too):

  printf 'From: hello@{sending_domain}\\nSubject: Hello\\n\\nIt works.\\n' | \\
    curl --crlf --ssl-reqd --cacert {ca_file} \\
      --url smtp://{smtp_host}:{smtp_port} --user {smtp_username}:{smtp_password} \\
      --mail-from hello@{sending_domain} --mail-rcpt delivered@sim.test --upload-file -

  swaks --server {smtp_host}:{smtp_port} --tls --auth-user {smtp_username} \\
    --auth-password {smtp_password} --from hello@{sending_domain} --to delivered@sim.test

Send one by REST:

  curl {api_url}/{smtp_username}/messages -H 'Authorization: Bearer {smtp_password}' \\
    -H 'Content-Type: application/json' -d '{{"from": "hello@{sending_domain}",
    "to": "delivered@sim.test", "subject": "Hello", "plain": "It works."}}'

See them arrive:

  curl '{simulator_url}/messages?recipient=delivered@sim.test'

All of this stands in {demo_file}. Ctrl-C stops everything.
"""


class Command(BaseCommand):
    help = "Start PostgreSQL, Redis, every process of the Procfile and the simulator."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "`run` is for development: unset DATABASE_URL. Production starts each process by "
                "itself, see docker-compose.yml."
            )
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.VAR_DIR / "run.lock").open("w") as lock:
            _lock(lock.fileno())
            _require_free_ports()
            try:
                asyncio.run(_run())
            except EmbeddedError as error:
                raise CommandError(str(error)) from error


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError("CloudMTA runs already in this checkout.") from None


def _require_free_ports() -> None:
    ports = {
        "WEB_PORT": settings.WEB_PORT,
        "SUBMISSION_PORTS": settings.SUBMISSION_PORTS[0],
        "SUBMISSION_TLS_PORTS": settings.SUBMISSION_TLS_PORTS[0],
        "BOUNCES_PORT": settings.BOUNCES_PORT,
        "SIMULATOR_SMTP_PORT": settings.SIMULATOR_SMTP_PORT,
        "SIMULATOR_HTTP_PORT": settings.SIMULATOR_HTTP_PORT,
    }
    for setting, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} cannot be opened ({error.strerror}): stop what listens there, "
                    f"or set {setting} to another port."
                ) from error


async def _run() -> None:
    supervisor = Supervisor(settings.BASE_DIR, _environment())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await asyncio.to_thread(_lay_out, supervisor, loop)
        for service in read_procfile(settings.BASE_DIR / "Procfile"):
            supervisor.start(service)
        await _welcome(stop)
        await stop.wait()
    finally:
        print("Stopping.", file=sys.stderr)
        await supervisor.stop(last=("redis", "postgres"))


def _environment() -> dict[str, str]:
    """Return ours, with the programs of this very virtual environment first."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "DEVELOPMENT": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _lay_out(supervisor: Supervisor, loop: asyncio.AbstractEventLoop) -> None:
    """Start the services, bring the database up to date, make the demo account."""
    for service in (embedded.postgres(settings.VAR_DIR), embedded.redis(settings.VAR_DIR)):
        loop.call_soon_threadsafe(supervisor.start, service)
    embedded.wait_for_postgres(settings.VAR_DIR)
    call_command("migrate", interactive=False, verbosity=0)
    certificates.server_context()
    ensure_demo()
    connections.close_all()


async def _welcome(stop: asyncio.Event) -> None:
    """Say how to use it, once every door answers."""
    ports = (settings.WEB_PORT, settings.SUBMISSION_PORTS[0], settings.SIMULATOR_HTTP_PORT)
    for port in ports:
        for _ in range(READY_SECONDS * 10):
            if stop.is_set() or await _answers(port):
                break
            await asyncio.sleep(0.1)
    if not stop.is_set():
        facts = await asyncio.to_thread(ensure_demo)
        print(WELCOME.format(**facts, demo_file=demo_file()), flush=True)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
