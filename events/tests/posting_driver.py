"""What tests of posting do: events happen, the worker posts, time passes."""

import asyncio
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.message_class import MessageClass
from events import ledger, webhooks
from events.identifiers import new_id
from events.ledger import NewEvent
from events.models import Event, Kind, WebhookPost
from events.posting import Engine


def listen(account, url, **fields):
    """Make a webhook and return it with its secret."""
    return webhooks.create(account, url, **fields)


def happen(account, count=1, kind=Kind.DELIVERY, message_id=None, **fields):
    """Let events happen in one transaction, and return them in their order."""
    known = set(Event.objects.values_list("id", flat=True))
    with transaction.atomic():
        ledger.record_all(
            NewEvent(
                kind=kind,
                account_id=account.id,
                message_id=message_id or new_id(),
                recipient=f"carol{number}@example.net",
                destination="example.net",
                sender_domain="alices.example",
                message_class=MessageClass.STANDARD,
                timestamp=timezone.now(),
                message_id_header="<1@alices.example>",
                tags=["welcome"],
                metadata={"order": 4711},
                **fields,
            )
            for number in range(count)
        )
    return list(Event.objects.exclude(id__in=known).order_by("id"))


def post_all():
    """Do what a worker does until nothing is due."""
    asyncio.run(_post_all())


async def _post_all():
    engine = Engine()
    await engine.sweep()
    await engine.drain()
    await engine.stop(5)


def pass_time(wait=timedelta(0), **units):
    """Move the clock: what lies in the future of the database comes nearer, the past goes away."""
    wait += timedelta(**units)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_webhook SET paused_until = paused_until - %(wait)s,"
            " failing_since = failing_since - %(wait)s, leased_until = leased_until - %(wait)s,"
            " previous_secret_until = previous_secret_until - %(wait)s",
            {"wait": wait},
        )
        cursor.execute("UPDATE events_webhookbatch SET due_at = due_at - %s", [wait])


def last_post(webhook):
    return WebhookPost.objects.filter(webhook=webhook).order_by("id").last()
