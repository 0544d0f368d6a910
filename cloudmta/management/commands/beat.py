"""Run Celery's clock, which rings every message class once in a while."""

from django.conf import settings
from django.core.management.base import BaseCommand

from cloudmta.celery import app


class Command(BaseCommand):
    help = "Ring the workers every few seconds: retries, run-out leases, lost doorbells."

    def handle(self, *args: object, **options: object) -> None:
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        schedule = str(settings.VAR_DIR / "beat")
        app.start(
            ["--quiet", "beat", "--loglevel", "INFO", "--schedule", schedule, "--pidfile", ""]
        )
