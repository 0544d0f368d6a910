"""PostgreSQL, Redis, and our own processes: is each there, and does it keep its promises?"""

from collections.abc import Iterator
from typing import cast

import redis
from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from accounts.message_class import MessageClass
from cloudmta import presence
from cloudmta.celery import QUEUES
from cloudmta.doctor.finding import Finding, fine, warning, wrong
from cloudmta.startup import require_database

# Settings of PostgreSQL without which a commit may be lost when the power fails.
DURABLE = {"fsync": ("on",), "full_page_writes": ("on",)}
COMMITS = ("on", "local", "remote_write", "remote_apply")
OLDEST_VERSION = 140_000
# The share of its connections from which the next worker may find none.
CROWDED = 0.8
# The processes without which something stands still, and what helps.
NEEDED = {
    "beat": "Retries and lost doorbells wait for it: run `manage.py beat`.",
    "submission": "Nobody takes mail by SMTP: run `manage.py submission`.",
    "bounces": "No bounce or complaint comes in: run `manage.py bounces`.",
} | {
    f"worker {queue}": f"Nobody works on this queue: run `manage.py worker {queue}`."
    for queue in QUEUES
}
# Minutes that mail may stand due, by class, before something is wrong.
PATIENCE = {MessageClass.PRIORITY: 1, MessageClass.STANDARD: 10, MessageClass.DIGEST: 60}


def look_at_postgres() -> Iterator[Finding]:
    """Look at the database itself, and whether its commits are safe."""
    try:
        require_database()
    except DatabaseError as error:
        text = str(error).partition("\n")[0]
        yield wrong("PostgreSQL", f"It does not answer: {text}", "Start it, or set DATABASE_URL.")
        return
    except CommandError as error:
        yield wrong("PostgreSQL", str(error), "Run it once, from any of the machines.")
        return
    yield from _durability()
    yield from _room()


def _durability() -> Iterator[Finding]:
    losing = [name for name, good in DURABLE.items() if _setting(name) not in good]
    if _setting("synchronous_commit") not in COMMITS:
        losing.append("synchronous_commit")
    for name in losing:
        yield wrong(
            "PostgreSQL",
            f"{name} is {_setting(name)}: mail that was answered with 250 is lost if power fails",
            f"Set {name} = on in postgresql.conf, and reload it.",
        )
    if int(_setting("server_version_num")) < OLDEST_VERSION:
        yield wrong(
            "PostgreSQL", f"Its version is {_setting('server_version')}", "Take 14 or later."
        )
    elif not losing:
        yield fine("PostgreSQL", f"Version {_setting('server_version')}, and its commits are safe")


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def _room() -> Iterator[Finding]:
    most = int(_setting("max_connections"))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
        used = cursor.fetchone()[0]
    if used > CROWDED * most:
        yield warning(
            "PostgreSQL",
            f"{used} of {most} connections are in use",
            "Raise max_connections, or put a pooler in session mode between.",
        )


def look_at_redis() -> Iterator[Finding]:
    """Look at Redis, and at who has said there that it lives."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    try:
        memory = cast("dict[str, object]", client.info("memory"))
        processes = presence.present()
    except redis.RedisError as error:
        yield wrong(
            "Redis",
            f"It does not answer: {error}",
            "Start it, or set REDIS_URL. Mail is taken meanwhile, and waits.",
        )
        return
    finally:
        client.close()
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        yield fine("Redis", "It answers")
    else:
        yield warning(
            "Redis",
            f"Where it is full it forgets keys ({policy}), doorbells among them",
            "Set maxmemory-policy to noeviction.",
        )
    yield from _processes({process.role for process in processes})


def _processes(roles: set[str]) -> Iterator[Finding]:
    for role, advice in NEEDED.items():
        if role not in roles:
            yield wrong("Processes", f"No {role} runs", advice)
    if roles >= NEEDED.keys():
        yield fine("Processes", "Each of them runs")


def look_at_queues() -> Iterator[Finding]:
    """Look for mail that is due and that nobody fetches."""
    try:
        oldest = {one: oldest_due(one) for one in MessageClass}
    except DatabaseError:
        return  # said already
    late = {one: minutes for one, minutes in oldest.items() if minutes > PATIENCE[one]}
    for message_class, minutes in late.items():
        yield wrong(
            "Queues",
            f"{message_class.label} mail has been due for {minutes:.0f} minutes",
            f"See the log of `manage.py worker {message_class.label}`, or start more of them.",
        )
    if not late:
        yield fine("Queues", "No mail waits longer than it should")


def oldest_due(message_class: MessageClass) -> float:
    """Return for how many minutes the oldest mail of a class has been due, 0 where none is."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT extract(epoch FROM now() - min(due_at)) / 60 FROM mail_recipient
             WHERE message_class = %s AND due_at <= now()
            """,
            [message_class.value],
        )
        return float(cursor.fetchone()[0] or 0)
