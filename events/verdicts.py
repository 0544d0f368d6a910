"""What a post comes to: for its batch, for the webhook, and in the log that the customer sees."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from events import notices, patience, webhooks
from events.batches import Claim, Taken
from events.identifiers import first_id_at, new_id
from events.models import Webhook, WebhookBatch, WebhookPost
from events.poster import Answer

logger = logging.getLogger(__name__)

GONE = 410  # the endpoint wants no more posts, ever (RFC 9110 §15.5.11)
SAID_GONE = "The endpoint answered 410 (Gone), which asks us to post nothing more"
FAILED_FOR_DAYS = f"Every post has failed for {patience.GIVE_UP_AFTER.days} days"


def settle(claim: Claim, taken: Taken, answer: Answer) -> None:
    """Write down what came of a post, unless the webhook is no more ours."""
    now = timezone.now()
    with transaction.atomic():
        webhook = (
            Webhook.objects.select_for_update()
            .filter(pk=claim.webhook_id, lease=claim.lease)
            .first()
        )
        if webhook is None:
            logger.warning("A post to webhook %s ended after its lease", claim.webhook_id)
            return
        batch = taken.batch
        if answer.is_success:
            batch.state, batch.due_at = WebhookBatch.State.DELIVERED, None
            revive(webhook)
        else:
            _fail(webhook, taken, answer, now)
        batch.save(update_fields=["state", "due_at"])
        note(webhook, taken, answer, now)


def revive(webhook: Webhook, is_tested: bool = False) -> None:
    """Forget all failures of a webhook; what waits is due at once if it was left alone for them.

    After a single failure or two it is not, unless the customer has tested it: the endpoint may
    be well, and refuse that very batch.
    """
    if not (webhook.failures or webhook.paused_until):
        return
    was_left_alone = webhook.failures >= patience.BREAKER_AFTER or webhook.paused_until
    webhook.failures, webhook.failing_since, webhook.paused_until = 0, None, None
    webhook.save(update_fields=["failures", "failing_since", "paused_until"])
    if was_left_alone or is_tested:
        webhooks.make_due(webhook)


def _fail(webhook: Webhook, taken: Taken, answer: Answer, now: datetime) -> None:
    """Say when a batch is due again, and leave the endpoint alone for a while."""
    wish = patience.wish(answer.status, _retry_after(answer), now)
    _put_off(taken, wish, now)
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    pause = max(patience.pause_after(webhook.failures), wish)
    webhook.paused_until = now + pause if pause else None
    if webhook.failures == patience.TELL_AFTER:
        notices.tell_of_failures(webhook, answer.error)
    if answer.status == GONE:
        _disable(webhook, SAID_GONE)
    elif now - webhook.failing_since >= patience.GIVE_UP_AFTER:
        _disable(webhook, FAILED_FOR_DAYS)
    webhook.save(
        update_fields=[
            "failures", "failing_since", "paused_until", "is_enabled", "disabled_for",
        ]
    )  # fmt: skip


def _put_off(taken: Taken, wish: timedelta, now: datetime) -> None:
    """Say when a batch is due again, or that it has failed for good."""
    batch = taken.batch
    wait = patience.until_next_attempt(batch.attempts)
    is_old = batch.id < first_id_at(now - patience.GIVE_UP_AFTER)
    if taken.scheduled:
        batch.due_at = max(taken.scheduled, now + wish)
    elif wait is None or is_old:
        batch.state, batch.due_at = WebhookBatch.State.FAILED, None
    else:
        batch.due_at = now + max(wait, wish)


def _retry_after(answer: Answer) -> str:
    return next((v for name, v in answer.headers.items() if name.lower() == "retry-after"), "")


def _disable(webhook: Webhook, why: str) -> None:
    """Post nothing more to a webhook, and tell its account why. To be saved."""
    webhook.is_enabled, webhook.disabled_for = False, why
    notices.tell_of_end(webhook)


def note(webhook: Webhook, taken: Taken, answer: Answer, now: datetime) -> None:
    """Put a post into the log that the customer sees."""
    batch = taken.batch
    is_again = webhook.is_enabled and batch.state == WebhookBatch.State.WAITING
    post = logged(webhook, taken.headers, answer, now)
    post.batch, post.attempt, post.event_count = batch, batch.attempts, taken.event_count
    post.next_attempt_at = batch.due_at if is_again else None
    post.save(force_insert=True)


def logged(webhook: Webhook, headers: dict[str, str], answer: Answer, now: datetime) -> WebhookPost:
    """Return the row of a first post of one event; not saved."""
    duration = timedelta(seconds=answer.seconds)
    return WebhookPost(
        id=new_id(),
        webhook=webhook,
        attempt=1,
        started_at=now - duration,
        duration=duration,
        url=webhooks.shown(webhook.url),
        request_headers=headers,
        event_count=1,
        response_status=answer.status,
        response_headers=answer.headers,
        response_body=answer.body,
        error=answer.error,
    )
