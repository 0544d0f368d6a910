"""Break the PostgreSQL of a house for real, and mend it: commits that wait, or are refused."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from cloudmta.embedded import DATABASE, socket_dir
from cloudmta.testing import House, eventually

LOCK = 250
WAIT = f"PERFORM pg_advisory_xact_lock({LOCK})"
DISK_FULL = "RAISE 'no space left on device' USING ERRCODE = 'disk_full'"


def connect(house: House) -> "psycopg.Connection[tuple[object, ...]]":
    """Connect beside all processes, and be allowed to write in any case."""
    return psycopg.connect(
        host=str(socket_dir(house.services.directory)), user="postgres", dbname=DATABASE,
        autocommit=True, options="-c default_transaction_read_only=off",
    )  # fmt: skip


@contextmanager
def trigger(house: House, table: str, body: str, when: str) -> Iterator[None]:
    """Let a statement run for each row that is written: `when` IMMEDIATE, or DEFERRED to COMMIT."""
    house.sql(
        f"CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body}; RETURN NULL; END $$"
    )
    house.sql(
        f"CREATE CONSTRAINT TRIGGER break_it AFTER INSERT ON {table}"
        f" DEFERRABLE INITIALLY {when} FOR EACH ROW EXECUTE FUNCTION break_it()"
    )
    try:
        yield
    finally:
        house.sql("DROP FUNCTION break_it CASCADE")


@contextmanager
def read_only(house: House) -> Iterator[None]:
    """Let PostgreSQL refuse to write, as a server does that a failover has left behind."""
    with connect(house) as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute("SELECT pg_reload_conf()")


@contextmanager
def locked(house: House, query: str) -> Iterator[None]:
    """Hold what a query locks, until somebody was seen to wait for it and after that."""
    with connect(house) as holder, holder.transaction():
        holder.execute(query.encode())
        yield


def somebody_waits(house: House) -> None:
    """Wait until a session of PostgreSQL waits for a lock."""
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    eventually(lambda: house.sql(query))
