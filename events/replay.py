"""Post events again that were posted before, or that nobody was there to take."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from events import outbox, reading
from events.models import Event, Webhook, WebhookPost
from events.reading import Filter

MOST = 50_000  # events at once


class ReplayRefused(Exception):
    """Such events are not posted again. `code` is for programs."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


def by_filter(webhook: Webhook, wanted: Filter) -> int:
    """Post the events of a filter again, in the order of their ids; return how many there are.

    Without kinds in the filter, those of the webhook. Raises ReplayRefused.
    """
    if not wanted.kinds:
        wanted = replace(wanted, kinds=webhook.kinds)
    found = reading.settled(webhook.account, wanted).order_by("id")
    events = list(found.values_list("id", "message_id")[: MOST + 1])
    if len(events) > MOST:
        text = f"These are more than {MOST} events: narrow them by since and until"
        raise ReplayRefused("too_many_events", text)
    return _put(webhook, events)


def by_ids(webhook: Webhook, event_ids: Sequence[UUID]) -> int:
    """Post these events again, of whatever kind they are. Raises ReplayRefused."""
    wanted = dict.fromkeys(event_ids)
    found = Event.objects.filter(account=webhook.account, id__in=wanted).order_by("id")
    events = list(found.values_list("id", "message_id"))
    if missing := set(wanted) - {event_id for event_id, _ in events}:
        raise ReplayRefused("unknown_event", f"There is no event {min(missing)}")
    return _put(webhook, events)


def by_post(webhook: Webhook, post_id: UUID) -> int:
    """Post the events of a post again. Raises ReplayRefused."""
    post = WebhookPost.objects.filter(webhook=webhook, pk=post_id).select_related("batch").first()
    if post is None:
        raise ReplayRefused("unknown_post", f"There is no post {post_id} in the log")
    if post.batch is None:
        raise ReplayRefused("unknown_post", "This post was a test: repeat the test")
    found = Event.objects.filter(account=webhook.account, id__in=post.batch.event_ids)
    return _put(webhook, list(found.order_by("id").values_list("id", "message_id")))


def _put(webhook: Webhook, events: Sequence[tuple[UUID, UUID]]) -> int:
    with transaction.atomic():
        current = Webhook.objects.select_for_update().filter(pk=webhook.pk, is_enabled=True)
        if not current.exists():
            raise ReplayRefused("webhook_disabled", "The webhook is disabled: enable it first")
        outbox.write([(webhook.pk, event_id, message_id) for event_id, message_id in events])
    return len(events)
