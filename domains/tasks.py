"""What Celery calls for domains."""

from celery import shared_task

from domains import rotation


@shared_task
def look_after_keys() -> None:
    """Look for the records of next signing keys, and retire old ones."""
    rotation.look_after()
