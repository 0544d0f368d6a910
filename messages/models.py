"""A message, its content, its recipients, each with a fate of its own, and the attempts on them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Account, Credential
from messages.site_override import SiteOverride as SiteOverride  # Django looks for it here
from messages.sts_policy import StsPolicy as StsPolicy


class Door(models.TextChoices):
    """How a message came in."""

    SMTP = "smtp", "SMTP"
    REST = "rest", "REST"
    PAGE = "page", "the dashboard"
    OWN = "own", "CloudMTA itself"


class Message(models.Model):
    """What one submission handed us: an envelope, and facts of its header that pages show."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    credential = models.ForeignKey(
        Credential, on_delete=models.SET_NULL, null=True, related_name="+", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    door = models.CharField(max_length=4, choices=Door)
    message_class = models.PositiveSmallIntegerField(choices=MessageClass)
    reverse_path = models.TextField()  # as submitted; the wire carries our bounce address
    sender_domain = models.TextField()  # of the header From: it signs
    header_from = models.TextField()
    subject = models.TextField()
    message_id_header = models.TextField()
    tags = ArrayField(models.TextField(), default=list)
    # The customer's own; comes back in every event.
    metadata = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    size = models.PositiveIntegerField()  # octets as submitted
    accepted_at = models.DateTimeField(default=timezone.now)
    send_at = models.DateTimeField(null=True)  # not before; null: at once
    # Simulated, never delivered, never counted.
    is_test = models.BooleanField(default=False, db_default=False)
    # What is put into each recipient's copy before it is signed.
    track_opens = models.BooleanField(default=False, db_default=False)
    track_clicks = models.BooleanField(default=False, db_default=False)
    offers_unsubscribe = models.BooleanField(default=False, db_default=False)
    spam_score = models.FloatField(default=0, db_default=0)
    spam_rules = ArrayField(models.TextField(), default=list, db_default=[])
    # False: the scanner did not answer in time, and is asked again before the first attempt.
    is_scanned = models.BooleanField(default=True, db_default=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="message_by_account"),
            HashIndex(fields=["message_id_header"], name="message_by_header"),  # what clients know
        ]

    def __str__(self) -> str:
        return f"{self.id}"


class Content(models.Model):
    """The RFC 5322 bytes that leave, but for the signature; apart, so that lists never touch it."""

    # No constraint, here and on recipients: both are written with their message, by one function
    # in one transaction, and a check for each row would cost as much as writing it.
    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="content",
        db_constraint=False,
    )  # fmt: skip
    data = models.BinaryField()


class State(models.TextChoices):
    """Where a recipient stands: in exactly one of these, at every moment."""

    QUEUED = "queued"  # no attempt yet; due at `due_at`
    LEASED = "leased"  # a worker is on it; `due_at` is when another may take it over
    DEFERRED = "deferred"  # failed for now; `due_at` is the next attempt, `reply` says why
    HELD = "held"  # not tried, for a reason of ours in `reply`; looked at again at `due_at`
    DELIVERED = "delivered"  # the exchanger took responsibility
    BOUNCED = "bounced"  # refused for good, or we gave up
    BLOCKED = "blocked"  # we did not try, for good
    CANCELLED = "cancelled"  # the customer took it back


OPEN = (State.QUEUED, State.LEASED, State.DEFERRED, State.HELD)
FINAL = (State.DELIVERED, State.BOUNCED, State.BLOCKED, State.CANCELLED)


class Recipient(models.Model):
    """One forward-path of a message, with a fate of its own."""

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="recipients", db_constraint=False
    )
    # Copies of the message's, so that a claim reads one index and no join. Written once.
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    message_class = models.PositiveSmallIntegerField(choices=MessageClass)
    accepted_at = models.DateTimeField()
    address = models.TextField()  # as given in RCPT
    domain = models.TextField()  # of the address, as lower-case A-labels
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    due_at = models.DateTimeField(null=True)  # null: final
    # The claim that holds it; only who knows the number may write the outcome (a fencing token).
    lease = models.BigIntegerField(null=True)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    # When its first attempt was taken out of the account's allowance, which happens once.
    allowed_at = models.DateTimeField(null=True)
    reply = models.TextField(default="")  # the last reply, or our reason
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["message_class", "account", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="recipient_due",
            ),
            models.Index(
                fields=["account", "message_class", "accepted_at"],
                condition=models.Q(state=State.HELD),
                name="recipient_held",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=OPEN, due_at__isnull=False)
                | models.Q(state__in=FINAL, due_at__isnull=True, settled_at__isnull=False),
                name="open_is_due_final_is_settled",
            ),
            models.CheckConstraint(
                condition=models.Q(state=State.LEASED) ^ models.Q(lease__isnull=True),
                name="leased_has_lease",
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Attempt(models.Model):
    """One try at one recipient: whom we spoke to, and what was said."""

    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="attempts", db_constraint=False
    )
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration = models.DurationField()
    exchanger = models.TextField()  # the host from MX; "" where none was found
    address = models.GenericIPAddressField(null=True)
    tls = models.CharField(max_length=20)  # "TLSv1.3"; "" for clear text
    is_verified = models.BooleanField(db_default=False)  # the certificate, as a policy asked
    reply = models.TextField()  # "550 5.1.1 No such user"
    # The lines of the transaction, C: ours and S: theirs; of the first one of a connection its
    # beginning as well.
    dialogue = models.TextField()
    phases = models.TextField(db_default="")  # "connect 20.1, greeting 3.0": milliseconds of each

    @property
    def steps(self) -> list[tuple[str, float]]:
        """The phases in turn, and the milliseconds that each took."""
        parts = (part.rpartition(" ") for part in self.phases.split(", ") if part)
        return [(name, float(milliseconds)) for name, _, milliseconds in parts]

    def __str__(self) -> str:
        return f"{self.number}: {self.reply}"


class Refusal(models.Model):
    """A submission that we did not take, so that the customer sees what and why."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    credential = models.ForeignKey(
        Credential, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    door = models.CharField(max_length=4, choices=Door)
    refused_at = models.DateTimeField(default=timezone.now)
    client_address = models.GenericIPAddressField(null=True)
    reverse_path = models.TextField()
    recipients = ArrayField(models.TextField(), default=list)
    cause = models.CharField(max_length=40, db_default="")  # the one word: `refusals.Cause`
    reply = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="refusal_by_account")]

    def __str__(self) -> str:
        return self.reply


class IdempotencyKey(models.Model):
    """A request that must not take effect twice, and what it was answered.

    It is claimed before the work (`response` is null) and completed in the transaction that
    stores the messages, by whoever still holds the token.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=20)
    key = models.CharField(max_length=256)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the request
    token = models.BigIntegerField()
    claimed_at = models.DateTimeField()
    response = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "endpoint", "key"], name="one_idempotency_key_each"
            )
        ]
        indexes = [models.Index(fields=["claimed_at"], name="idempotency_key_by_age")]

    def __str__(self) -> str:
        return self.key


class IncomingReport(models.Model):
    """What came back for one recipient: stored before it is answered 250, and read afterwards."""

    class State(models.TextChoices):
        UNREAD = "unread"  # to be read
        READ = "read"  # it was a report; `note` says of what
        IGNORED = "ignored"  # of a kind that reports nothing: an auto-reply, a receipt, a success
        UNCLASSIFIED = "unclassified"  # nothing to report, as far as we can tell: for staff to see

    # No constraint, and no cascade in the database: it outlives messages that are pruned earlier.
    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="reports", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    received_at = models.DateTimeField(default=timezone.now)
    client_address = models.GenericIPAddressField(null=True)
    reverse_path = models.TextField()  # "" as a rule: a report must never bounce itself
    size = models.PositiveIntegerField()  # octets
    content = models.BinaryField(null=True)  # null: pruned
    digest = models.BinaryField()  # SHA-256 of the content: by it a second copy is known
    state = models.CharField(max_length=12, choices=State, default=State.UNREAD)
    note = models.TextField(default="")  # what came of it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "digest"], name="one_report_each")
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(state="unread"), name="report_to_be_read"
            ),
            models.Index(fields=["received_at"], name="report_by_age"),
            models.Index(
                fields=["received_at"],
                condition=models.Q(state="unclassified"),
                name="report_unclassified",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class RecipientsForgotten(models.Model):
    """How many recipients of one day were deleted by age, by the state they had."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()  # of their acceptance, UTC
    state = models.CharField(max_length=9, choices=State)
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "state"], name="one_count_of_forgotten_recipients"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.state}"


class ContentsForgotten(models.Model):
    """Up to which message the contents of an account were deleted by age."""

    account = models.OneToOneField(
        Account, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    up_to = models.UUIDField(default=uuid.UUID(int=0))

    def __str__(self) -> str:
        return f"{self.up_to}"
