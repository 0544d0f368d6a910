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
# Seconds between looks at mail that is held for volume.
LOOK = 15
app.conf.beat_schedule = {
    f"sweep {message_class.label}": {
        "task": "messages.tasks.deliver",
        "schedule": SWEEP,
        "args": [message_class.value],
        "options": {"queue": message_class.label, "expires": SWEEP},
    }
    for message_class in MessageClass
} | {
    "look after held mail": {
        "task": "messages.tasks.look_after_held",
        "schedule": LOOK,
        "options": {"queue": "housekeeping", "expires": LOOK},
    },
    "sweep webhooks": {
        "task": "events.tasks.post_events",
        "schedule": SWEEP,
        "options": {"queue": "webhooks", "expires": SWEEP},
    },
    "webhook notices": {
        "task": "events.tasks.send_notices",
        "schedule": 60,
        "options": {"queue": "housekeeping", "expires": 60},
    },
    "prune webhooks": {
        "task": "events.tasks.prune_webhooks",
        "schedule": 3600,
        "options": {"queue": "housekeeping", "expires": 3600},
    },
    # The bounce door rings no bell: what it takes was under way for minutes or days.
    "read reports": {
        "task": "messages.tasks.read_reports",
        "schedule": SWEEP,
        "options": {"queue": "housekeeping", "expires": SWEEP},
    },
    "prune reports": {
        "task": "messages.tasks.prune_reports",
        "schedule": 24 * 3600,
        "options": {"queue": "housekeeping", "expires": 3600},
    },
}
