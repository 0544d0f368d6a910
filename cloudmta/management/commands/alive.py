"""Say whether a process of this machine lives, for the health checks of containers."""

import argparse
import socket

import redis
from django.core.management.base import BaseCommand, CommandError

from cloudmta import presence


class Command(BaseCommand):
    help = "Exit with 0 where a process with this role runs on this machine, else with 1."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("role", help='"submission", "bounces", "beat", or "worker QUEUE"')

    def handle(self, *args: object, role: str, **options: object) -> None:
        try:
            here = [one for one in presence.present() if one.host == socket.gethostname()]
        except redis.RedisError:
            # Nobody can be seen; a restart would help neither Redis nor the process.
            self.stdout.write("Redis does not answer, so nothing is known.")
            return
        if role not in {process.role for process in here}:
            raise CommandError(f"No {role} has said within {presence.GONE_AFTER} s that it lives.")
