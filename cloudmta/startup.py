"""What a long-running process makes sure of before it starts."""

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def require_database() -> None:
    """Stop with one sentence where the database lacks migrations; manage.py says if it is gone."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise CommandError(
            f"The database lacks {len(missing)} migrations: run `python manage.py migrate` first."
        )
