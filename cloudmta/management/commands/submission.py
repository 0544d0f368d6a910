"""Serve the submission door: several processes on the same ports."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from cloudmta.family import Family, require_free
from cloudmta.startup import allow_connections, require_database, spare_the_collector
from messages import certificates
from messages.submission import SubmissionDoor


class Command(BaseCommand):
    help = "Take mail by SMTP on SUBMISSION_PORTS (STARTTLS) and SUBMISSION_TLS_PORTS (TLS)."

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        certificates.server_context()
        require_free(
            settings.SUBMISSION_HOST,
            [*settings.SUBMISSION_PORTS, *settings.SUBMISSION_TLS_PORTS],
            "SUBMISSION_PORTS and SUBMISSION_TLS_PORTS",
        )
        connections.close_all()  # each process needs its own
        allow_connections()
        spare_the_collector()
        Family("submission", settings.SUBMISSION_PROCESSES, open_door).run()


async def open_door() -> SubmissionDoor:
    door = SubmissionDoor()
    await door.open(
        settings.SUBMISSION_HOST, settings.SUBMISSION_PORTS, settings.SUBMISSION_TLS_PORTS
    )
    return door
