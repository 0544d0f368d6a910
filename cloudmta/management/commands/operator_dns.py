"""Print the DNS records that the operator's own host needs, and whether they are there."""

import sys

from django.core.management.base import BaseCommand

from domains import operator
from domains.operator import OperatorRecord

STATES = {True: "ok", False: "WRONG", None: "no answer"}


class Command(BaseCommand):
    help = "Print and check the records of OPERATOR_HOST; exits with 1 where one is not right."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        records = operator.check()
        for record in records:
            self.stdout.write(_as_text(record))
        if not all(record.is_right for record in records):
            sys.exit(1)


def _as_text(record: OperatorRecord) -> str:
    lines = [f"{STATES[record.is_right]:<10}{record.name}  {record.type}  {record.expected}"]
    if record.is_right is False:
        lines += [f"          found: {', '.join(record.found) or 'nothing'}"]
        lines += [f"          {record.advice}"]
    return "\n".join(lines)
