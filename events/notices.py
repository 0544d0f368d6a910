"""Tell an account that a webhook of its fails, or that it was given up."""

from datetime import UTC

from django.utils import timezone

from accounts import notices
from accounts.notices import QUIET
from accounts.volume import Notice
from events import patience, upkeep, webhooks
from events.models import Webhook


def tell_of_failures(webhook: Webhook, error: str) -> None:
    """Tell of many failures in a row, in the transaction of the last; `error` is its own.

    An endpoint that comes and goes is told of once a day.
    """
    now = timezone.now()
    which = f"Posts to the webhook {webhooks.shown(webhook.url)} have failed"
    told = Notice.objects.filter(account=webhook.account, kind=Notice.Kind.WEBHOOK)
    if told.filter(created_at__gt=now - QUIET, text__startswith=which).exists():
        return
    since = webhook.failing_since or now
    _tell(
        webhook,
        "A webhook fails",
        f"{which} {webhook.failures} times"
        f" in a row, since {since.astimezone(UTC):%d %B %Y, %H:%M} UTC. The last time: {error}.",
        "Nothing is lost: its events wait, and are posted as soon as the endpoint answers again"
        " with a status from 200 to 299. After"
        f" {patience.GIVE_UP_AFTER.days} days with nothing but failures the webhook is disabled.",
        "The log of its posts shows each request and what came back; a test posts at once.",
    )


def tell_of_end(webhook: Webhook) -> None:
    """Tell that we have disabled a webhook, in the transaction in which we do."""
    _tell(
        webhook,
        "A webhook was disabled",
        f"Nothing more is posted to the webhook {webhooks.shown(webhook.url)}."
        f" {webhook.disabled_for}.",
        "What waited for it is posted when you enable it again within"
        f" {upkeep.KEPT_FOR.days} days. What happens while it is disabled is not posted by itself:"
        " replay the events of that time afterwards.",
    )


def _tell(webhook: Webhook, subject: str, *paragraphs: str) -> None:
    notices.tell(webhook.account, Notice.Kind.WEBHOOK, subject, "\n\n".join(paragraphs))
