"""How much an account may send, kept as rows: its days, its standing, and what it was told."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Standing(models.IntegerChoices):
    """Where an account stands on the ladder that its bounces and complaints lead up."""

    GOOD = 0, "good"
    NOTICE = 1, "notice"  # told; the volume grows no more
    WARNING = 2, "warning"  # and digest mail waits
    REVIEW = 3, "review"  # and the volume is a stage lower; staff must decide
    PAUSED = 4, "paused"  # only priority mail goes, a tenth of the volume


class Measure(models.TextChoices):
    """What a step on the ladder goes by."""

    BOUNCES = "bounces"  # of all recipients attempted, in seven days
    COMPLAINTS = "complaints"  # of all recipients delivered, in seven days
    BURST = "burst"  # bounces, in ten minutes
    STAFF = "staff"  # somebody has looked at it


class VolumeDay(models.Model):
    """What an account sent on one UTC day, what its allowance was, and what followed from it."""

    class Decision(models.TextChoices):
        OPEN = "", "not over"
        ADVANCED = "advanced"  # to the next stage
        HELD = "held"  # `reason` says why
        CEILING = "ceiling"  # nothing more to gain without staff
        STEPPED_BACK = "stepped back"  # to the stage before
        IDLE = "idle"  # after 30 days without mail two stages lower

    # No constraint: claims write this row, and would lock the account's.
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="volume_days",
        db_constraint=False, db_index=False,
    )  # fmt: skip
    day = models.DateField()
    allowance = models.PositiveIntegerField()  # recipients
    used = models.PositiveIntegerField(default=0)  # recipients, each at its first attempt
    # What the last claim was given: PostgreSQL before 18 returns no old values of an UPDATE.
    granted = models.PositiveIntegerField(default=0)
    decision = models.CharField(
        max_length=12, choices=Decision, blank=True, default=Decision.OPEN, db_default=""
    )
    reason = models.TextField(blank=True, default="", db_default="")
    # How much of it the owners were told to be used, in percent: 0, 80 or 100.
    told = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="one_volume_day")]
        indexes = [
            models.Index(
                fields=["day"], condition=models.Q(decision=""), name="volume_day_undecided"
            )
        ]

    def __str__(self) -> str:
        return f"{self.used} of {self.allowance} on {self.day}"


class StandingChange(models.Model):
    """One step up or down the ladder, and what it went by. Written once, never changed."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="standing_changes"
    )
    at = models.DateTimeField(default=timezone.now)
    before = models.PositiveSmallIntegerField(choices=Standing)
    after = models.PositiveSmallIntegerField(choices=Standing)
    measure = models.CharField(max_length=10, choices=Measure)
    count = models.PositiveIntegerField(default=0)  # bounces or complaints
    out_of = models.PositiveIntegerField(default=0)  # recipients
    threshold = models.FloatField(null=True)  # between 0 and 1; null: staff decided
    since = models.DateTimeField(null=True)  # from when on it was counted
    who = models.CharField(max_length=254, default="")  # of staff, by address
    note = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="standing_by_account")]

    def __str__(self) -> str:
        return f"{self.get_before_display()} → {self.get_after_display()}"

    @property
    def rate(self) -> float | None:
        return self.count / self.out_of if self.out_of else None


class Notice(models.Model):
    """What an account is told, by mail to its owners and on its pages."""

    class Kind(models.TextChoices):
        LADDER = "ladder"  # a step up the ladder, at most one mail a day
        PAUSE = "pause"  # sending has stopped: told at once, whatever was told before
        STAFF = "staff"  # a decision or a question of staff
        USAGE = "usage"  # most of the allowance, or all of it, is used
        DOMAIN = "domain"  # records of a domain were found, or are gone
        WEBHOOK = "webhook"  # posts fail in a row, or we gave a webhook up

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=7, choices=Kind)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, default=timezone.now)  # null: sent

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="notice_by_account"),
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="notice_due"
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class StaffNotice(models.Model):
    """What staff are told by mail, once a matter."""

    matter = models.CharField(max_length=60, unique=True)  # "standing 12"
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(null=True, default=timezone.now)  # null: sent

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="staff_notice_due"
            )
        ]

    def __str__(self) -> str:
        return self.subject


class RampUpRequest(models.Model):
    """A customer asks for more volume; staff decide once. `accounts/approval.py` writes it."""

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"  # by the customer
        SUPERSEDED = "superseded"  # the customer has asked anew

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="ramp_up_requests"
    )
    asked_by = models.CharField(max_length=254)  # an address: users go, the request stays
    asked_at = models.DateTimeField(default=timezone.now)
    amount = models.PositiveIntegerField("recipients a day")
    before = models.PositiveIntegerField("ceiling when asked")
    purpose = models.TextField("what mail it is")
    sources = models.TextField("where the addresses come from")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    question = models.TextField(default="")  # the last one that staff asked
    answer = models.TextField(default="")  # of the customer

    class Meta:
        verbose_name = "ramp-up request"
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(state="pending"), name="one_pending_request"
            )
        ]
        permissions = [("approve_rampup", "Can decide on ramp-up requests and on standings")]

    def __str__(self) -> str:
        return f"{self.amount:,} recipients a day for {self.account}"


class RampUpDecision(models.Model):
    """What a member of staff said to a request. Written once; the database refuses to change it."""

    class Verdict(models.TextChoices):
        SECONDED = "seconded"  # a first approval where it takes two
        APPROVED = "approved"
        REJECTED = "rejected"
        ASKED = "asked"  # a question; the request stays pending

    request = models.ForeignKey(RampUpRequest, on_delete=models.CASCADE, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    amount = models.PositiveIntegerField(default=0)  # recipients a day, where approved
    is_at_once = models.BooleanField(default=False)  # the whole amount now; else by the plan
    words = models.TextField(default="")  # to the customer
    # No constraint: who decided may leave, the decision stays as it is.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+",
        db_constraint=False,
    )  # fmt: skip
    who = models.CharField(max_length=254)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "ramp-up decision"

    def __str__(self) -> str:
        return f"{self.verdict} by {self.who}"
