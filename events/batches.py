"""What is posted next, and what came of it: leases on webhooks, batches out of the outbox.

PostgreSQL is the truth. One worker at a time holds a webhook, so its posts go one after the other.
A batch is written down as due again before it is posted: whoever dies in between has lost nothing,
and the next post of it bears the same `webhook-id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from events import patience, representation, signatures, webhooks
from events.identifiers import new_id
from events.models import Event, News, Webhook, WebhookBatch, WebhookPost

# Far longer than one post may take.
LEASE = timedelta(seconds=60)
# In one post, whichever bound is met first: some frameworks refuse bodies of more than 100 kB.
MOST_EVENTS, MOST_OCTETS = 100, 80_000
# So long an event waits for others to share a post.
GATHER = timedelta(seconds=1)
# Batches of one webhook that wait for another attempt; what comes then stays in the outbox.
MOST_WAITING = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A webhook that is ours to post to, until the lease runs out."""

    webhook_id: UUID
    lease: UUID


@dataclass(frozen=True, slots=True)
class Taken:
    """A batch that is to be posted now."""

    batch: WebhookBatch
    url: str
    headers: dict[str, str]
    body: bytes
    event_count: int
    scheduled: datetime | None  # when it is due, if it is posted earlier to see how things are


# A batch, the body to post, and how many events are in that.
Written = tuple[WebhookBatch, bytes, int]


HAS_WORK = """
    is_enabled
    AND (leased_until IS NULL OR leased_until <= %(now)s)
    AND (paused_until IS NULL OR paused_until <= %(now)s)
    AND (EXISTS (SELECT FROM events_news WHERE webhook_id = events_webhook.id)
         OR EXISTS (SELECT FROM events_webhookbatch
                     WHERE webhook_id = events_webhook.id AND state = 'waiting'
                       AND due_at <= %(now)s))
"""


def claim(most: int) -> list[Claim]:
    """Take webhooks that have something to post and that nobody posts to."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE events_webhook SET lease = gen_random_uuid(), leased_until = %(until)s
             WHERE id IN (SELECT id FROM events_webhook WHERE {HAS_WORK}
                           LIMIT %(most)s FOR UPDATE SKIP LOCKED)
            RETURNING id, lease
            """,
            {"now": now, "until": now + LEASE, "most": most},
        )
        return [Claim(*row) for row in cursor.fetchall()]


def release(claim: Claim) -> None:
    """Let another worker have a webhook."""
    Webhook.objects.filter(pk=claim.webhook_id, lease=claim.lease).update(
        lease=None, leased_until=None
    )


def take(claim: Claim) -> Taken | timedelta | None:
    """Return what to post now, or when to ask again; None: nothing, or the webhook is not ours."""
    now = timezone.now()
    with transaction.atomic():
        webhook = _held(claim)
        if webhook is None or not webhook.is_enabled or (webhook.paused_until or now) > now:
            return None
        waiting = list(
            WebhookBatch.objects.filter(webhook=webhook, state=WebhookBatch.State.WAITING).order_by(
                "id"
            )
        )
        found = _next(webhook, waiting, now)
        if not isinstance(found, tuple):
            return found
        batch, body, event_count = found
        scheduled = batch.due_at
        if scheduled is None or scheduled <= now:
            batch.attempts += 1
            scheduled = None
        batch.due_at = webhook.leased_until = now + LEASE
        batch.save()
        webhook.save(update_fields=["leased_until"])
        headers = request_headers(webhook, batch.id, now, body)
        return Taken(batch, webhook.url, headers, body, event_count, scheduled)


def _held(claim: Claim) -> Webhook | None:
    found = Webhook.objects.select_for_update().filter(pk=claim.webhook_id, lease=claim.lease)
    return found.first()


def _next(
    webhook: Webhook, waiting: Sequence[WebhookBatch], now: datetime
) -> Written | timedelta | None:
    """Choose what to post: what is due, or else what is new."""
    for batch in waiting:
        if batch.due_at and batch.due_at <= now:
            return (batch, *representation.body(events_of(batch)))
    if len(waiting) < MOST_WAITING:
        return _fresh(webhook, waiting)
    if webhook.failures < patience.BREAKER_AFTER:
        return None
    # Whether the endpoint is back must not be asked once in hours only. It is no attempt of the
    # schedule, so that nothing is given up earlier.
    return (waiting[0], *representation.body(events_of(waiting[0])))


def _fresh(webhook: Webhook, waiting: Sequence[WebhookBatch]) -> Written | timedelta | None:
    """Make a batch of the oldest news; of a message that waits, later events wait as well."""
    held_back = {message_id for batch in waiting for message_id in batch.message_ids}
    news = list(
        News.objects.filter(webhook=webhook)
        .exclude(message_id__in=held_back)
        .annotate(age=Now() - F("created_at"))
        .order_by("id")[:MOST_EVENTS]
    )
    if not news:
        return None
    if len(news) < MOST_EVENTS and news[0].age < GATHER:
        return GATHER - max(news[0].age, timedelta(0))
    found = Event.objects.in_bulk([one.event_id for one in news])
    # Of events that were pruned meanwhile there is nothing to tell.
    told = [one for one in news if one.event_id in found]
    body, count = representation.body((found[one.event_id] for one in told), MOST_OCTETS)
    left = {one.pk for one in told[count:]}
    News.objects.filter(pk__in=[one.pk for one in news if one.pk not in left]).delete()
    if not count:
        return timedelta(0)
    batch = WebhookBatch(
        id=new_id(),
        webhook=webhook,
        event_ids=[one.event_id for one in told[:count]],
        message_ids=list({one.message_id for one in told[:count]}),
    )
    return batch, body, count


def events_of(batch: WebhookBatch) -> list[Event]:
    """Return the events of a batch in their order; those that were pruned are missing."""
    found = Event.objects.in_bulk(batch.event_ids)
    return [found[event_id] for event_id in batch.event_ids if event_id in found]


def body_of(post: WebhookPost) -> str:
    """Return what a post sent, as its events still say; "" where its batch was pruned."""
    if post.batch:
        return representation.body(events_of(post.batch))[0].decode()
    return post.test_body


def request_headers(webhook: Webhook, id: UUID, now: datetime, body: bytes) -> dict[str, str]:
    """Return the header of a post, signed with every secret that is good now."""
    secrets = webhooks.secrets_of(webhook, now)
    return {
        "Content-Type": "application/json",
        "User-Agent": "CloudMTA-Webhooks/1",
        **signatures.headers(secrets, signatures.name_of(id), int(now.timestamp()), body),
    }
