"""What customers ask staff, and what they are answered, kept as rows."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Thread(models.Model):
    """One question of an account, with all that was said about it."""

    class State(models.TextChoices):
        WAITING = "waiting", "waits for us"  # the customer wrote last
        ANSWERED = "answered"  # staff wrote last
        CLOSED = "closed"  # nothing is left to say; another entry opens it again

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, related_name="threads"
    )
    subject = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Of the last entry; of all that wait, who waits longest comes first.
    last_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="thread_by_account"),
            models.Index(fields=["state", "last_at"], name="thread_by_state"),
        ]

    def __str__(self) -> str:
        return self.subject


class ThreadEntry(models.Model):
    """What somebody said. Written once, never changed."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="entries")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    who = models.CharField(max_length=254)  # the address at that time: users go, this stays
    is_staff = models.BooleanField(default=False)  # it was said by us
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "thread entries"

    def __str__(self) -> str:
        return f"{self.who}: {self.text[:60]}"
