"""What happened to mail, a row an event; who must not get any; and who is told by webhook."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from accounts.models import Account
from events.sums import DeliveryTime as DeliveryTime
from events.sums import DomainTally as DomainTally
from events.sums import EventsForgotten as EventsForgotten
from events.sums import Tally as Tally


class Kind(models.TextChoices):
    """What can happen to a message, in the words of the webhook."""

    DELIVERY = "delivery"  # the exchanger took responsibility; the inbox is another matter
    SOFT_BOUNCE = "soft_bounce"  # a transient failure; we will try again
    BOUNCE = "bounce"  # a permanent failure, or we gave up
    BLOCKED = "blocked"  # refused for what we are or sent, or not tried; `details.reason` says why
    COMPLAINT = "complaint"  # the recipient called it spam
    OPEN = "open"  # the pixel was fetched, by a person or by a proxy
    CLICK = "click"  # a tracked link was followed


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
    # As submitted with the message. These two have defaults in the database as well, so that
    # processes of the version before may still write while we migrate.
    metadata = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    message_id_header = models.TextField()
    # Of a message in test mode: in no tally.
    is_test = models.BooleanField(default=False, db_default=False)

    class Meta:
        # The order of ids is the order of writing, so this serves pages and cursors alike.
        indexes = [
            models.Index(fields=["account", "id"], name="event_by_account"),
            # For the latest problems: few events are, and all others would have to be passed over.
            models.Index(
                fields=["account", "id"],
                condition=models.Q(kind__in=("bounce", "blocked", "complaint")),
                name="event_of_trouble",
            ),
            # For whoever looks for a person's mail. Here, and not on recipients: an event is
            # written once, and a recipient's row anew with each state, into all its indexes.
            models.Index(Lower("recipient"), "account", "message_id", name="event_by_recipient"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.recipient}"


class Suppression(models.Model):
    """An address that an account must not send to: it bounced, complained, or somebody said so."""

    class Reason(models.TextChoices):
        BOUNCE = "bounce"  # a permanent failure of the recipient's own
        COMPLAINT = "complaint"  # the recipient called a message spam
        MANUAL = "manual"  # put on the list by the customer
        UNSUBSCRIBE = "unsubscribe"  # the recipient wants no digests; other mail is sent

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="suppressions")
    address = models.TextField()  # lower case, its domain as A-labels
    reason = models.CharField(max_length=11, choices=Reason, default=Reason.MANUAL)
    note = models.TextField(blank=True)
    message_id = models.UUIDField(null=True)  # the message that caused it
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)  # null: never

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "address"], name="one_suppression_each")
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="suppression_by_account"),
            # For staff, who are asked by recipients and know no account.
            models.Index(fields=["address"], name="suppression_by_address"),
            # For how an address begins; the other index follows a language's order.
            models.Index(
                fields=["account", "address"],
                opclasses=["int8_ops", "text_pattern_ops"],
                name="suppression_by_prefix",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class SuppressionImport(models.Model):
    """A file of addresses for the list: a worker takes it, and the report of that stays a while."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    content = models.BinaryField(null=True)  # UTF-8; null: it was taken
    finished_at = models.DateTimeField(null=True)
    # What became of its rows: see `suppression_file.Report`.
    added = models.PositiveIntegerField(default=0)
    renewed = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list)  # line and detail of the first that were refused

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(finished_at=None), name="import_waiting"
            ),
            models.Index(fields=["created_at"], name="import_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.added} added, {self.renewed} renewed, {self.refused} refused"


class Webhook(models.Model):
    """An address of the customer's application that events are posted to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="webhooks")
    url = models.TextField()
    kinds = ArrayField(models.CharField(max_length=20, choices=Kind), default=list)  # none: all
    encrypted_secret = models.BinaryField()
    # During a rotation posts are signed with both (Standard Webhooks).
    encrypted_previous_secret = models.BinaryField(null=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    # Why we disabled it, in words for the customer; "": it is enabled, or the customer did.
    disabled_for = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # How its endpoint behaves. Failures in a row, since the last success.
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    # The breaker is open, or the endpoint has asked for patience: nothing is posted before.
    paused_until = models.DateTimeField(null=True, editable=False)
    # Who posts to it: one worker at a time.
    lease = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    # Until when a test runs at the most: each holds a process of the dashboard.
    testing_until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return str(self.pk)  # not its URL, which may hold a password


class News(models.Model):
    """One event that waits to be posted to one webhook, written in the transaction of the event.

    Whatever is seen here was committed and has not been taken yet, so no event is skipped in
    whatever order transactions end.
    """

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    event_id = models.UUIDField()
    message_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "news"
        indexes = [models.Index(fields=["webhook", "id"], name="news_by_webhook")]

    def __str__(self) -> str:
        return f"{self.event_id} for {self.webhook_id}"


class WebhookBatch(models.Model):
    """Events that are posted together, under one `webhook-id` however often it takes."""

    class State(models.TextChoices):
        WAITING = "waiting"  # it is being posted, or will be again at `due_at`
        DELIVERED = "delivered"
        FAILED = "failed"  # the schedule is exhausted; it can be replayed

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    event_ids = ArrayField(models.UUIDField())
    message_ids = ArrayField(models.UUIDField())  # of these events, each once
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook batches"
        indexes = [
            models.Index(
                fields=["webhook", "id"],
                condition=models.Q(state="waiting"),
                name="batch_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{len(self.event_ids)} events, {self.state}"


class WebhookPost(models.Model):
    """One attempt to post a batch, as the customer sees it: what we sent, and what came back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    # Null: a test. Of others the body is made again of the events, which never change.
    batch = models.ForeignKey(
        WebhookBatch,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
        null=True,
    )
    attempt = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration = models.DurationField()
    url = models.TextField()  # without its password
    request_headers = models.JSONField()
    test_body = models.TextField(blank=True)
    event_count = models.PositiveSmallIntegerField()
    response_status = models.PositiveSmallIntegerField(null=True)  # null: there was no answer
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True)  # the beginning of it
    error = models.TextField(blank=True)  # why it failed, in words; "": it did not
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["webhook", "id"], name="post_by_webhook"),
            models.Index(
                fields=["webhook", "id"], condition=~models.Q(error=""), name="post_failed"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt}: {self.response_status or self.error}"
