"""Run one Celery worker for one or more queues."""

import argparse
import socket
import warnings

from celery.exceptions import SecurityWarning
from django.core.management.base import BaseCommand

from cloudmta import presence
from cloudmta.celery import QUEUES, app
from cloudmta.startup import (
    allow_connections,
    require_database,
    require_operator_key,
    spare_the_collector,
)


class Command(BaseCommand):
    help = "Work on queues: priority, standard, digest, webhooks, housekeeping."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("queues", nargs="+", choices=QUEUES, metavar="queue")

    def handle(self, *args: object, queues: list[str], **options: object) -> None:
        require_database()
        require_operator_key()
        allow_connections()
        # It warns of root because pickled tasks could do anything; ours are JSON.
        warnings.simplefilter("ignore", SecurityWarning)
        # One thread: a task only waits for the engine, which serves many messages at a time.
        name = f"{'-'.join(queues)}@{socket.gethostname()}"
        how = f"--pool threads --concurrency 1 --hostname {name} --loglevel INFO"
        quiet = "--without-gossip --without-mingle --without-heartbeat"
        command = f"--quiet worker --queues {','.join(queues)} {how} {quiet}"
        presence.announce(*(f"worker {queue}" for queue in queues))
        spare_the_collector()
        app.worker_main(command.split())
