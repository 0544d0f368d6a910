"""Forget what webhooks and imports have done long ago."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Model, Q
from django.utils import timezone

from events.identifiers import first_id_at
from events.models import News, SuppressionImport, WebhookBatch, WebhookPost

# Posts and their batches are shown, and failed ones can be replayed by post, for so long. News of
# a webhook that is disabled wait as long for it to be enabled. Events themselves stay.
KEPT_FOR = timedelta(days=14)
# Rows deleted in one transaction, so that none is long.
AT_ONCE = 5000


def prune() -> int:
    """Delete what is too old, in small transactions; return how many rows that were."""
    moment = timezone.now() - KEPT_FOR
    oldest = first_id_at(moment)
    not_waiting = ~Q(state=WebhookBatch.State.WAITING)
    return (
        _delete(WebhookPost, Q(id__lt=oldest))
        + _delete(WebhookBatch, Q(id__lt=oldest) & not_waiting)
        + _delete(News, Q(created_at__lt=moment))
        + _delete(SuppressionImport, Q(created_at__lt=moment))
    )


def _delete(model: type[Model], old: Q) -> int:
    total = 0
    rows: Any = model._default_manager
    while keys := _oldest(rows, old):
        total += rows.filter(old, pk__in=keys).delete()[0]
    return total


def _oldest(rows: Any, old: Q) -> list[UUID | int]:
    return list(rows.filter(old).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
