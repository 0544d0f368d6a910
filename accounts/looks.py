"""A member of staff looks at an account as its customer does: a row for each look."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Look(models.Model):
    """Somebody of the staff saw an account's pages for a while, and could change nothing there."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="looks")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="looks"
    )
    began_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()  # earlier, where somebody ended it

    class Meta:
        indexes = [models.Index(fields=["account", "ends_at"], name="look_by_account")]

    def __str__(self) -> str:
        return f"{self.user} at {self.account}"
