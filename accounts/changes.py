"""Tell every process that holds something about an account in memory that it has changed."""

from django.db import connection

CHANNEL = "accounts"


def announce(account_id: int) -> None:
    """Notify who listens, once the transaction that runs is committed (PostgreSQL's NOTIFY)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(account_id)])
