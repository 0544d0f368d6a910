"""Processes of the version before may write on while the database is migrated."""

from collections.abc import Iterator

import pytest
from django.db.migrations import AddField, CreateModel, Migration, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

OURS = ("accounts", "domains", "events", "mail")
MIGRATIONS = [
    migration
    for (app, _), migration in sorted(MigrationLoader(None).disk_migrations.items())
    if app in OURS
]  # fmt: skip


def added(migration: Migration) -> Iterator[AddField]:
    """Return the columns that come to tables which were there before."""
    new = {one.name_lower for one in migration.operations if isinstance(one, CreateModel)}
    for operation in migration.operations:
        if isinstance(operation, AddField) and operation.model_name_lower not in new:
            yield operation


@pytest.mark.parametrize("migration", MIGRATIONS, ids=str)
def test_who_knows_nothing_of_a_new_column_can_still_write_rows(migration):
    needed = [
        f"{one.model_name}.{one.name}"
        for one in added(migration)
        if not one.field.null and one.field.db_default is NOT_PROVIDED
    ]

    assert needed == []  # give each null=True or a db_default


@pytest.mark.parametrize("migration", MIGRATIONS, ids=str)
def test_nothing_gets_another_name_under_who_reads_it(migration):
    assert not [one for one in migration.operations if isinstance(one, RenameField | RenameModel)]


def test_there_are_columns_that_came_later():
    assert sum(len(list(added(migration))) for migration in MIGRATIONS) > 10
