"""Show that no recipient was lost, or exit with 1 and say where the books do not add up."""

import argparse
import json
import sys

from django.core.management.base import BaseCommand

from cloudmta.startup import require_database
from messages import audit
from messages.audit import Audit
from messages.models import FINAL, OPEN


class Command(BaseCommand):
    help = "Count accepted recipients by state and prove that accepted = final + open."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: object, json: bool, **options: object) -> None:
        require_database()
        books = audit.take()
        self.stdout.write(_as_json(books) if json else _as_text(books))
        if books.faults:
            sys.exit(1)


def _as_json(books: Audit) -> str:
    states = books.states
    return json.dumps(
        {
            "accepted": books.accepted,
            "open": sum(states[state] for state in OPEN),
            "final": sum(states[state] for state in FINAL),
            "states": states,
            "faults": books.faults,
            "days": [
                {
                    "account": day.account_id,
                    "day": day.day.isoformat(),
                    "accepted": day.accepted,
                    "states": day.states,
                }
                for day in books.days
            ],
        }
    )


def _as_text(books: Audit) -> str:
    states = books.states
    lines = [f"{books.accepted:>12,} recipients accepted"]
    lines += [f"{states[state]:>12,} {state.value}" for state in (*OPEN, *FINAL)]
    lines += [f"FAULT: {fault}" for fault in books.faults] or ["It adds up."]
    return "\n".join(lines)
