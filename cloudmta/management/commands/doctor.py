"""Look at everything that mail depends on, and say in words what is wrong and what helps."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from django.core.management.base import BaseCommand

from cloudmta.doctor import machine, network, own_mail, services
from cloudmta.doctor.finding import Finding, Level

LOOKS = (
    services.look_at_postgres,
    services.look_at_redis,
    services.look_at_queues,
    own_mail.look_at_own_mail,
    machine.look_at_disk,
    machine.look_at_clock,
    machine.look_at_certificate,
    network.look_at_port_25,
    network.look_at_operator_records,
)


class Command(BaseCommand):
    help = "Examine this installation; exits with 1 where something is wrong."
    # What stops other commands is what this one is to tell about.
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, *args: object, json: bool, **options: object) -> None:
        is_well = True
        for finding in _examine():
            self.stdout.write(_as_json(finding) if json else _as_text(finding))
            self.stdout.flush()
            is_well &= finding.level is not Level.WRONG
        if not is_well:
            sys.exit(1)


def _examine() -> Iterator[Finding]:
    for look in LOOKS:
        yield from look()


def _as_text(finding: Finding) -> str:
    line = f"{finding.level.value:<8} {finding.subject}: {finding.text}."
    return f"{line}\n         {finding.advice}" if finding.advice else line


def _as_json(finding: Finding) -> str:
    return json.dumps(asdict(finding) | {"level": finding.level.name.lower()})
