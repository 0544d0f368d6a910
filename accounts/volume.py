"""How much an account may send, kept as rows: its standing, its days, and what it was told."""

from django.db import models


class Standing(models.IntegerChoices):
    """Where an account stands on the ladder that its bounces and complaints lead up."""

    GOOD = 0, "good"
    NOTICE = 1, "notice"  # told; the volume grows no more
    WARNING = 2, "warning"  # and digest mail waits
    REVIEW = 3, "review"  # and the volume is a stage lower; staff must decide
    PAUSED = 4, "paused"  # only priority mail goes, a tenth of the volume


class VolumeDay(models.Model):
    """What an account sent on one UTC day, and what its allowance was."""

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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="one_volume_day")]

    def __str__(self) -> str:
        return f"{self.used} of {self.allowance} on {self.day}"
