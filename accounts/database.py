"""PostgreSQL when it does not do its duty: what it raises then, and how long anybody waits for it.

A server that hangs keeps its connections open and says nothing. No timeout of its own helps then:
who has promised an answer cuts the connection, and what was begun on it is rolled back.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponseBase
from psycopg.pq import TransactionStatus

logger = logging.getLogger(__name__)

# PostgreSQL does not answer, is full, told us to go, or only lets us read (as after a failover,
# which is an InternalError): worth another try, on a new connection.
# COPY and `bulk.dict_cursor` raise psycopg's own errors, beside Django's.
UNAVAILABLE = (
    OperationalError,
    InterfaceError,
    InternalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
)
# Seconds between looks at who has waited for too long.
LOOK_EVERY = 0.5


class _Watch:
    """Cuts the connections of those who wait longer than they may, from a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[float, BaseDatabaseWrapper]] = {}  # by thread
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        deadline = time.monotonic() + settings.DATABASE_TIMEOUT
        with self._lock:
            self._waiting[threading.get_ident()] = deadline, connections[DEFAULT_DB_ALIAS]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()

    def end(self) -> None:
        with self._lock:
            del self._waiting[threading.get_ident()]

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            now = time.monotonic()
            with self._lock:
                for deadline, wrapper in self._waiting.values():
                    if now > deadline:
                        _cut(wrapper)


_watch = _Watch()


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Wait for PostgreSQL `DATABASE_TIMEOUT` seconds at the most; what runs then fails.

    It fails as if the server had gone, with one of UNAVAILABLE. To make a connection has the same
    limit, of its own. Not to be nested.
    """
    _watch.begin()
    try:
        yield
    finally:
        _watch.end()


def _cut(wrapper: BaseDatabaseWrapper) -> None:
    """End a connection that waits for an answer; its own thread then finds it closed."""
    connection = wrapper.connection
    with contextlib.suppress(OSError, psycopg.Error, AttributeError):
        if connection.info.transaction_status is not TransactionStatus.ACTIVE:
            return  # what takes so long is something else
        # Not close(): another thread waits in it.
        with socket.socket(fileno=os.dup(connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)
        logger.error("PostgreSQL gave no answer in %s s", settings.DATABASE_TIMEOUT)


class LimitMiddleware:
    """Lets no request wait for PostgreSQL for ever."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with limited():
            return self._get_response(request)
