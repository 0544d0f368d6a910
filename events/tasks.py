"""What Celery calls for events: the doorbell of webhooks, reputation, and housekeeping."""

from celery import shared_task, signals

from events import (
    outbox,
    ramp_up,
    reputation,
    retention,
    suppression_import,
    tallies,
    upkeep,
)
from events.hosting import Host
from events.posting import Engine

# Seconds of one turn; others of the same worker wait meanwhile.
FORGET_SECONDS = 5

_host = Host(Engine)
# Celery keeps no strong reference of its own to what is bound to an object.
signals.worker_shutting_down.connect(_host.stop_soon, weak=False)


@shared_task(name=outbox.TASK)
def post_events() -> None:
    """Begin to post whatever waits; returns when it has begun."""
    outbox.BELL.answered()
    _host.wait_for(Engine.sweep)


@shared_task(name="events.tasks.prune_webhooks")
def prune_webhooks() -> None:
    """Forget old posts."""
    upkeep.prune()


@shared_task(name="events.tasks.take_imports")
def take_imports() -> None:
    """Take what was uploaded for suppression lists."""
    suppression_import.take_all()


@shared_task(name="events.tasks.fold_destinations")
def fold_destinations() -> None:
    """Keep the greatest destinations of each hour that is over, and add up the others."""
    tallies.fold_destinations()


@shared_task(name="events.tasks.judge_reputation")
def judge_reputation() -> None:
    """Move accounts up or down the ladder, and decide on days that are over."""
    reputation.judge_all()
    ramp_up.decide_days()


@shared_task(name="events.tasks.forget_events")
def forget_events() -> None:
    """Delete events that their accounts keep no longer."""
    retention.forget(FORGET_SECONDS)
