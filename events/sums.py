"""Sums of what happened to mail, kept as rows: by the hour, and of what was deleted by age."""

from django.db import models

from accounts.message_class import MessageClass
from accounts.models import Account


class Tally(models.Model):
    """How many recipients met the same fate in one hour, kept in the transaction of the fact."""

    # Beside the kinds of events: recipients that we took responsibility for, and the first open and
    # the first click of each, prefetches aside.
    ACCEPTED = "accepted"
    UNIQUE_OPEN = "unique_open"
    UNIQUE_CLICK = "unique_click"

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
        indexes = [
            # For who may have to be told that too much of it goes wrong.
            models.Index(
                fields=["hour", "account"],
                condition=models.Q(tag="", kind__in=("bounce", "complaint")),
                name="tally_of_trouble",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"


class DomainTally(models.Model):
    """The same by the domain that mail came from, and by the one it went to."""

    class Side(models.IntegerChoices):
        SENDER = 1
        DESTINATION = 2  # of an hour that is over only the greatest; the rest together as ""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    side = models.PositiveSmallIntegerField(choices=Side)
    hour = models.DateTimeField()
    domain = models.TextField()  # A-labels
    kind = models.CharField(max_length=20)  # as a tally has it
    count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "domain tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "side", "hour", "domain", "kind"], name="one_domain_tally_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind} {self.domain}"


class DeliveryTime(models.Model):
    """How many recipients were delivered to within the same time, in one hour: a histogram."""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    hour = models.DateTimeField()  # of the delivery
    message_class = models.PositiveSmallIntegerField(choices=MessageClass)
    bucket = models.PositiveSmallIntegerField()  # `tallies.bucket_of` the seconds
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "hour", "message_class", "bucket"], name="one_delivery_time_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} in bucket {self.bucket}"


class EventsForgotten(models.Model):
    """How many events of a kind were deleted by age."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)  # as a tally has it: "unique_open" is one as well
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind"], name="one_count_of_forgotten_events"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"
