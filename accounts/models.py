"""Who uses the service: people, the accounts that they share, and what applications log in with."""

import secrets

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

MEBIBYTE = 1024 * 1024


def new_public_id() -> str:
    """Return 16 random hex digits, the form of all account and credential names."""
    return secrets.token_hex(8)


class UserManager(BaseUserManager["User"]):
    """Make users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who logs in with an e-mail address."""

    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email


class Account(models.Model):
    """Whose mail it is: domains, credentials, messages and events all belong to one account."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=100)
    # Octets of a whole message as sent, encoding included; staff may change it.
    max_message_size = models.PositiveIntegerField(default=10 * MEBIBYTE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="accounts")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What a user may do in an account."""

    class Role(models.TextChoices):
        """Each role may do all that the ones below it may."""

        OWNER = "owner"  # also: members, closing the account
        ADMIN = "admin"  # also: domains, credentials
        DEVELOPER = "developer"  # also: sending, webhooks, suppressions
        VIEWER = "viewer"  # looks, and sees no secret

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    role = models.CharField(max_length=9, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "account"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account} as {self.role}"


class Credential(models.Model):
    """What an application logs in with, by SMTP and REST. Only a hash of its secret is kept."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="credentials")
    username = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.username} ({self.name})"
