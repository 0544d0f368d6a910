"""Run Celery's clock, which rings every message class once in a while."""

from django.core.management.base import BaseCommand

from cloudmta import presence
from cloudmta.celery import app
from cloudmta.startup import require_database


class Command(BaseCommand):
    help = "Ring the workers every few seconds: retries, run-out leases, lost doorbells."

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        presence.announce("beat")
        scheduler = "cloudmta.clock:OneActs"
        app.start(
            ["--quiet", "beat", "--loglevel", "INFO", "--scheduler", scheduler, "--pidfile", ""]
        )
