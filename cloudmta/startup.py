"""What a long-running process makes sure of before it starts."""

import contextlib
import gc
import resource

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from domains import signing


def allow_connections() -> None:
    """Let as many files be open as the system allows us: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS calls "unlimited" what it refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def require_database() -> None:
    """Stop with one sentence where the database lacks migrations; manage.py says if it is gone."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise CommandError(
            f"The database lacks {len(missing)} migrations: run `python manage.py migrate` first."
        )


def require_operator_key() -> None:
    """Stop with one sentence where the operator's own signature could not be made."""
    try:
        signing.operator_signers()
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(
            f"OPERATOR_SIGNING_KEY_FILE holds no key ({error}): `python manage.py operator_key` "
            "makes one. Or unset OPERATOR_SIGNING_DOMAIN to do without."
        ) from None


def spare_the_collector() -> None:
    """Keep the garbage collector from walking over what stays for the life of the process.

    Called once all modules are loaded. Messages leave no cycles behind, so it may also come by
    less often; in profiles it took up to a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
