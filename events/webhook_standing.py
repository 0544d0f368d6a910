"""How webhooks stand, for their pages: a chip, a sentence, what waits, the last success."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from accounts.frame import Chip
from accounts.templatetags.moments import clock
from events import patience, webhooks
from events.models import Webhook

WORKING = Chip("good", "✓", "working")
NEW = Chip("off", "○", "nothing posted yet")
FAILING = Chip("waiting", "!", "failing")
OPEN = Chip("wrong", "‖", "breaker open")
DISABLED = Chip("off", "⊘", "disabled")

# Waiting events are counted up to here: a webhook that was away for days has millions.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook as its pages show it."""

    webhook: Webhook
    url: str  # without its password
    chip: Chip
    words: str
    waiting: int
    last_success: datetime | None

    @property
    def waiting_words(self) -> str:
        more = "more than " if self.waiting > MOST_COUNTED else ""
        return f"{more}{min(self.waiting, MOST_COUNTED):,}"


def of(found: Sequence[Webhook]) -> list[Standing]:
    """Return how webhooks stand, in their order; two queries, whatever waits."""
    now, figures = timezone.now(), _figures(found)
    return [_standing(one, *figures.get(one.pk, (0, None)), now) for one in found]


def _standing(webhook: Webhook, waiting: int, last: datetime | None, now: datetime) -> Standing:
    chip, words = _state(webhook, last, now)
    return Standing(webhook, webhooks.shown(webhook.url), chip, words, waiting, last)


def _state(webhook: Webhook, last: datetime | None, now: datetime) -> tuple[Chip, str]:
    if not webhook.is_enabled:
        why = webhook.disabled_for or "You have disabled it"
        return DISABLED, f"{why}. Nothing is posted; what waited is kept for 14 days."
    if not webhook.failures:
        return (WORKING, "") if last else (NEW, "")
    count = f"{webhook.failures} post{'s' * (webhook.failures > 1)} failed in a row."
    if webhook.paused_until and webhook.paused_until > now:
        again = f"It is left alone until {clock(webhook.paused_until, now)}."
        return (OPEN if webhook.failures >= patience.BREAKER_AFTER else FAILING), f"{count} {again}"
    if webhook.failures >= patience.BREAKER_AFTER:
        return OPEN, f"{count} One post at a time looks whether the endpoint is back."
    return FAILING, f"{count} We try again."


def _figures(found: Sequence[Webhook]) -> dict[object, tuple[int, datetime | None]]:
    """Return of each webhook how many events wait, up to a bound, and its last success."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT asked.id,
                   (SELECT count(*) FROM (SELECT FROM events_news n
                     WHERE n.webhook_id = asked.id LIMIT %(most)s + 1) AS waiting)
                   + coalesce((SELECT sum(cardinality(b.event_ids)) FROM events_webhookbatch b
                                WHERE b.webhook_id = asked.id AND b.state = 'waiting'), 0)::int,
                   (SELECT p.started_at FROM events_webhookpost p
                     WHERE p.webhook_id = asked.id AND p.error = ''
                     ORDER BY p.id DESC LIMIT 1)
              FROM unnest(%(ids)s::uuid[]) AS asked(id)
            """,
            {"most": MOST_COUNTED, "ids": [one.pk for one in found]},
        )
        return {id: (waiting, last) for id, waiting, last in cursor.fetchall()}
