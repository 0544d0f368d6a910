#!/usr/bin/env python
"""Run a command of CloudMTA; what is wrong with the set-up is said in one sentence."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting: {error}")
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        sys.exit(
            f"PostgreSQL does not answer: {reason}. "
            "Start it and check DATABASE_URL; in development `make run` starts it."
        )


if __name__ == "__main__":
    main()
