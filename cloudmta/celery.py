"""Celery: doorbells on a queue per message class, webhooks, housekeeping; PostgreSQL holds mail."""

import os

from celery import Celery
from kombu import Exchange, Queue

from accounts.message_class import MessageClass

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudmta.settings")

QUEUES = ("priority", "standard", "digest", "webhooks", "housekeeping")

app = Celery("cloudmta")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name, Exchange(name), routing_key=name) for name in QUEUES]
app.autodiscover_tasks()

# Seconds between the rings of the sweep: so late, at the most, is what no doorbell told of.
SWEEP = 2
# Seconds between the turns of housekeeping, by task.
HOUSEKEEPING = {
    # The bounce door rings no bell: what it takes was under way for minutes or days.
    "messages.tasks.read_reports": SWEEP,
    # Whoever uploaded a list watches.
    "events.tasks.take_imports": SWEEP,
    "domains.tasks.check_domains": 10,
    "messages.tasks.look_after_held": 15,
    "messages.tasks.refresh_sts_policies": 60,
    "messages.tasks.bury_accounts": 60,
    "events.tasks.judge_reputation": 60,
    "accounts.tasks.send_volume_notices": 60,
    "events.tasks.prune_webhooks": 3600,
    "events.tasks.fold_destinations": 3600,
    # In this order: an event outlives its message.
    "messages.tasks.forget_messages": 300,
    "events.tasks.forget_events": 300,
    "messages.tasks.prune_reports": 3600,
    # Three looks make a watch of ten minutes: see domains.rotation.
    "domains.tasks.look_after_keys": 300,
}
app.conf.beat_schedule = (
    {
        f"sweep {message_class.label}": {
            "task": "messages.tasks.deliver",
            "schedule": SWEEP,
            "args": [message_class.value],
            "options": {"queue": message_class.label, "expires": SWEEP},
        }
        for message_class in MessageClass
    }
    | {
        task: {
            "task": task,
            "schedule": seconds,
            "options": {"queue": "housekeeping", "expires": seconds},
        }
        for task, seconds in HOUSEKEEPING.items()
    }
    | {
        "sweep webhooks": {
            "task": "events.tasks.post_events",
            "schedule": SWEEP,
            "options": {"queue": "webhooks", "expires": SWEEP},
        },
    }
)
