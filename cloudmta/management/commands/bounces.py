"""Serve the bounce door: several processes on the same port."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections

from cloudmta.family import Family, require_free
from cloudmta.startup import allow_connections, require_database, spare_the_collector
from messages import certificates
from messages.bounces import BounceDoor


class Command(BaseCommand):
    help = "Take reports by SMTP on BOUNCES_PORT: bounces and complaints about mail that we sent."

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        certificates.server_context()
        require_free(settings.BOUNCES_HOST, [settings.BOUNCES_PORT], "BOUNCES_HOST or BOUNCES_PORT")
        connections.close_all()  # each process needs its own
        allow_connections()
        spare_the_collector()
        Family("bounces", settings.BOUNCES_PROCESSES, open_door).run()


async def open_door() -> BounceDoor:
    door = BounceDoor()
    await door.open(settings.BOUNCES_HOST, settings.BOUNCES_PORT)
    return door
