"""Serve the submission door: several processes on the same ports."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import NoReturn

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from cloudmta.startup import require_database, spare_the_collector
from messages import certificates
from messages.submission import SubmissionDoor

# What we are told to stop by; whoever forks must not be told in the middle.
STOPS = {signal.SIGTERM, signal.SIGINT}
# Seconds before a child that died is replaced: one that cannot live must not keep us busy.
RESPAWN_AFTER = 1
# Seconds after which a child ends, whatever hangs: the database may, and 30 were promised.
MAX_FAREWELL = 28


class Command(BaseCommand):
    help = "Take mail by SMTP on SUBMISSION_PORTS (STARTTLS) and SUBMISSION_TLS_PORTS (TLS)."

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        certificates.server_context()
        _require_free([*settings.SUBMISSION_PORTS, *settings.SUBMISSION_TLS_PORTS])
        connections.close_all()  # each process needs its own
        allow_connections()
        spare_the_collector()
        Family(settings.SUBMISSION_PROCESSES).run()


def allow_connections() -> None:
    """Let as many files be open as the system allows us: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS calls "unlimited" what it refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _require_free(ports: Iterable[int]) -> None:
    """Stop where a port is taken: with SO_REUSEPORT, two doors would share it unnoticed."""
    family = socket.AF_INET6 if ":" in settings.SUBMISSION_HOST else socket.AF_INET
    for port in ports:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.SUBMISSION_HOST, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} on {settings.SUBMISSION_HOST} cannot be opened "
                    f"({error.strerror}): stop what listens there, or set SUBMISSION_PORTS and "
                    "SUBMISSION_TLS_PORTS."
                ) from error


class Family:
    """The parent, who serves nobody, and its children, who do. A child that dies is replaced."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._children: set[int] = set()
        self._is_stopping = False
        # Only the parent holds the writing end: when it dies, however, the children read the end.
        self._life, self._parent_end = os.pipe()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for _ in range(self._size):
            self._fork()
        while self._children:
            pid, _ = os.wait()
            self._children.discard(pid)
            if not self._is_stopping:
                time.sleep(RESPAWN_AFTER)
                self._fork()

    def _fork(self) -> None:
        # A signal now would miss the child, or find it with the handlers of its parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        if not self._is_stopping:
            pid = os.fork()
            if pid == 0:
                self._serve()
            self._children.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _serve(self) -> NoReturn:
        os.close(self._parent_end)
        try:
            uvloop.run(serve(self._life))
        except BaseException as error:
            print(f"submission: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):  # it died, and was just buried
                os.kill(pid, signal.SIGTERM)


async def serve(life: int) -> None:
    """Serve until told to stop, or until the parent is gone (`life` reads its end)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the parent tells us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    loop.add_reader(life, stop.set)
    door = SubmissionDoor()
    await door.open(
        settings.SUBMISSION_HOST, settings.SUBMISSION_PORTS, settings.SUBMISSION_TLS_PORTS
    )
    await stop.wait()
    signal.alarm(MAX_FAREWELL)
    loop.remove_reader(life)
    await door.close()
