"""Serve a door by several processes on the same ports: a parent who watches, children who serve."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from types import FrameType
from typing import NoReturn, Protocol

import uvloop
from django.core.management.base import CommandError

from cloudmta import presence

# What we are told to stop by; whoever forks must not be told in the middle.
STOPS = {signal.SIGTERM, signal.SIGINT}
# Seconds before a child that died is replaced: one that cannot live must not keep us busy.
RESPAWN_AFTER = 1
# Seconds after which a child ends, whatever hangs: the database may, and 30 were promised.
MAX_FAREWELL = 28


class Door(Protocol):
    """What a child serves."""

    async def close(self) -> None:
        """Let what is on its way come in, then end."""


OpenDoor = Callable[[], Awaitable[Door]]


def require_free(host: str, ports: Iterable[int], settings: str) -> None:
    """Stop where a port is taken: with SO_REUSEPORT, two doors would share it unnoticed.

    `settings` names what to change then.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} on {host} cannot be opened ({error.strerror}): stop what listens "
                    f"there, or set {settings}."
                ) from error


class Family:
    """The parent, who serves nobody, and its children, who do. A child that dies is replaced."""

    def __init__(self, name: str, size: int, open_door: OpenDoor) -> None:
        self._name = name
        self._size = size
        self._open_door = open_door
        self._children: set[int] = set()
        self._is_stopping = False
        # Only the parent holds the writing end: when it dies, however, the children read the end.
        self._life, self._parent_end = os.pipe()

    def run(self) -> None:
        """Serve until we are told to stop."""
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
        presence.announce(self._name)
        try:
            uvloop.run(_serve_until_told(self._open_door, self._life))
        except BaseException as error:
            print(f"{self._name}: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):  # it died, and was just buried
                os.kill(pid, signal.SIGTERM)


async def _serve_until_told(open_door: OpenDoor, life: int) -> None:
    """Serve until told to stop, or until the parent is gone (`life` reads its end)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the parent tells us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    loop.add_reader(life, stop.set)
    door = await open_door()
    await stop.wait()
    signal.alarm(MAX_FAREWELL)
    loop.remove_reader(life)
    await door.close()
