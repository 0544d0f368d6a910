"""What happened to mail: one row an event, and the sums of them by the hour."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.message_class import MessageClass
from accounts.models import Account


class Kind(models.TextChoices):
    """What can happen to a message, in the words of the webhook."""

    DELIVERY = "delivery"  # the exchanger took responsibility; the inbox is another matter
    SOFT_BOUNCE = "soft_bounce"  # a transient failure; we will try again
    BOUNCE = "bounce"  # a permanent failure, or we gave up


class Event(models.Model):
    """One thing that happened to one recipient of a message. Never changed, never deleted early.

    It names the message by id, not by foreign key: it outlives the message, and is written and
    read without a join.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    message_id = models.UUIDField(db_index=True)
    recipient = models.TextField()
    kind = models.CharField(max_length=20, choices=Kind)
    timestamp = models.DateTimeField()
    details = models.JSONField(default=dict)
    tags = ArrayField(models.TextField(), default=list)
    message_id_header = models.TextField()

    class Meta:
        # The order of ids is the order of writing, so this serves pages and cursors alike.
        indexes = [models.Index(fields=["account", "id"], name="event_by_account")]

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient}"


class Tally(models.Model):
    """How many recipients met the same fate in one hour, kept in the transaction of the fact."""

    ACCEPTED = "accepted"  # beside the kinds of events: recipients that we took responsibility for

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField()
    message_class = models.PositiveSmallIntegerField(choices=MessageClass)
    tag = models.TextField()  # "": all messages of the class, tagged or not
    kind = models.CharField(max_length=20)
    count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "hour", "message_class", "tag", "kind"], name="one_tally_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"
