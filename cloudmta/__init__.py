"""The roof: settings, URLs, Celery, commands, embedded services, the simulator."""

from cloudmta.celery import app as celery_app

__all__ = ["celery_app"]
