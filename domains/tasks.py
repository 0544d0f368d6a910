"""What Celery calls for domains."""

from celery import shared_task

from domains import rotation, watch


@shared_task
def check_domains() -> None:
    """Check the records of domains whose time has come."""
    watch.check_due()


@shared_task
def look_after_keys() -> None:
    """Look for the records of next signing keys, and retire old ones."""
    rotation.look_after()
