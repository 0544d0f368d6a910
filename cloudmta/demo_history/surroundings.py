"""What stands around the mail of a made-up month: its days of volume, webhooks, refusals."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.conf import settings

from accounts import plan
from accounts.models import Account
from accounts.volume import VolumeDay
from cloudmta.demo_history.writing import Month
from events import signatures, webhooks
from events.identifiers import id_at
from events.models import Event, Webhook, WebhookBatch, WebhookPost
from messages.models import Door, Refusal
from messages.refusals import Cause

# Posts are kept for 14 days; the log of some of them is enough to look at.
MAX_BATCHES, EVENTS_A_BATCH = 200, 40
# The second endpoint was broken for an hour and a half, not long ago.
BROKEN_FROM, BROKEN_TO = timedelta(hours=5), timedelta(hours=3, minutes=30)
BROKEN_STATUS = 503
REFUSED = (
    (Cause.DOMAIN_NOT_VERIFIED, "Sender domain shop.example is not verified", "a@shop.example"),
    (Cause.ATTACHMENT, "Attachment type not permitted: invoice.pdf.exe", "orders@{0}"),
    (Cause.TOO_MANY_RECIPIENTS, "Too many recipients (max 20)", "account@{0}"),
    (Cause.SPAM, "Message refused: content scored 12.3 (limit 8.0)", "hello@news.{0}"),
    (Cause.INVALID_CLASS, "x-cloudmta-class must be standard, priority or digest", "orders@{0}"),
    (Cause.TOO_BIG, "Message is larger than 10485760 octets", "orders@{0}"),
)  # fmt: skip
REFUSALS = 40


def volume(account: Account, used: Mapping[date, int]) -> None:
    """Give the account the days that lead to what it sends now, and room for half as much more."""
    allowances, most = {}, 0
    for day in sorted(used):
        most = max(most, used[day])
        allowances[day] = plan.amount(plan.stage_for(most * 3 // 2))
    ends = dict(pairwise(sorted(allowances)))
    VolumeDay.objects.filter(account=account, day__in=used).delete()
    VolumeDay.objects.bulk_create(
        VolumeDay(
            account=account, day=day, allowance=allowance, used=used[day],
            decision=_decision(allowance, allowances[ends[day]]) if day in ends else "",
        )
        for day, allowance in allowances.items()
    )  # fmt: skip
    account.allowance = account.ceiling = max(allowances.values())
    account.stage = plan.stage_for(account.allowance)
    account.save(update_fields=["allowance", "ceiling", "stage"])


def _decision(today: int, tomorrow: int) -> VolumeDay.Decision:
    return VolumeDay.Decision.ADVANCED if tomorrow > today else VolumeDay.Decision.CEILING


def refusals(month: Month, start: datetime) -> None:
    """Refuse a submission now and then, as each application makes its mistakes."""
    chance = random.Random(99)
    moments = sorted(start + (month.now - start) * chance.random() for _ in range(REFUSALS))
    Refusal.objects.bulk_create(
        Refusal(
            account=month.account, credential=month.credential, door=Door.SMTP, refused_at=at,
            client_address="192.0.2.200", reverse_path=sender.format(month.domain),
            recipients=["ada.berg1@webmail.example"], cause=cause.slug,
            reply=f"{cause.value.code} {cause.value.status} {text}",
        )
        for at in moments
        for cause, text, sender in (chance.choice(REFUSED),)
    )  # fmt: skip


def posts(month: Month) -> None:
    """Make two webhooks at the simulator, and the log of what was posted to them."""
    newest = Event.objects.filter(account=month.account).order_by("-id")
    events = list(
        newest[: MAX_BATCHES * EVENTS_A_BATCH].values_list("id", "message_id", "timestamp")
    )
    groups = [
        events[first : first + EVENTS_A_BATCH] for first in range(0, len(events), EVENTS_A_BATCH)
    ]
    for name in ("shop", "crm"):
        url = f"http://127.0.0.1:{settings.SIMULATOR_HTTP_PORT}/hooks/{name}"
        webhook, _ = webhooks.create(month.account, url)
        _log(month, webhook, groups)


def _log(
    month: Month, webhook: Webhook, groups: Sequence[Sequence[tuple[UUID, UUID, datetime]]]
) -> None:
    chance, batches, rows = random.Random(webhook.url), [], []
    for group in groups:
        ids, message_ids, times = zip(*group, strict=True)
        posted_at = max(times) + timedelta(seconds=1)
        batch = WebhookBatch(
            id=id_at(posted_at), webhook=webhook, event_ids=list(ids),
            message_ids=list(dict.fromkeys(message_ids)), state=WebhookBatch.State.DELIVERED,
        )  # fmt: skip
        age = month.now - posted_at
        if webhook.url.endswith("crm") and BROKEN_TO < age < BROKEN_FROM:
            rows.append(_post(chance, webhook, batch, posted_at, 1, BROKEN_STATUS))
            posted_at = month.now - BROKEN_TO + timedelta(seconds=len(rows))
        batch.attempts = 2 if rows and rows[-1].batch is batch else 1
        rows.append(_post(chance, webhook, batch, posted_at, batch.attempts, 204))
        batches.append(batch)
    WebhookBatch.objects.bulk_create(batches)
    WebhookPost.objects.bulk_create(rows)


def _post(
    chance: random.Random, webhook: Webhook, batch: WebhookBatch, at: datetime, attempt: int,
    status: int,
) -> WebhookPost:  # fmt: skip
    is_good = status < 300
    name = signatures.name_of(batch.id)
    return WebhookPost(
        id=id_at(at), webhook=webhook, batch=batch, attempt=attempt, started_at=at,
        duration=timedelta(seconds=chance.lognormvariate(-3, 0.6)), url=webhook.url,
        request_headers={"content-type": "application/json", "webhook-id": name},
        event_count=len(batch.event_ids), response_status=status,
        response_headers={"content-type": "text/plain"},
        response_body="" if is_good else "Service Unavailable",
        error="" if is_good else f"The endpoint answered {status}",
    )  # fmt: skip
