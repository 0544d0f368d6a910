"""What Celery calls for accounts: tell them about their volume."""

from celery import shared_task

from accounts import notices, staff_notices


@shared_task
def send_volume_notices() -> None:
    """Tell accounts what they have used, and send the mails that are due, to staff as well."""
    notices.tell_of_usage()
    notices.send_due()
    staff_notices.send_due()
