"""Who uses the service: people, the accounts that they share, and what applications log in with."""

import secrets

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts import plan
from accounts.looks import Look as Look  # Django looks for these here
from accounts.threads import Thread as Thread
from accounts.threads import ThreadEntry as ThreadEntry
from accounts.volume import Standing, VolumeDay

MEBIBYTE = 1024 * 1024
# So far the volume of a new account grows before staff have looked at it.
FIRST_CEILING = 2_000


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
        """Make a member of staff, whose address needs no confirmation: the operator vouches."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, who logs in with an e-mail address."""

    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    # In which zone pages show times, by its IANA name.
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")

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
    # Requests that the REST API takes in one second; twice as many may come at once.
    requests_per_second = models.PositiveIntegerField(default=10, db_default=10)
    # Messages that the SMTP door takes in one second; null: as many as come.
    messages_per_second = models.PositiveIntegerField(null=True, blank=True)
    # All its mail is checked, simulated and reported, and none is delivered or counted.
    is_test = models.BooleanField(default=False, db_default=False)
    # Whether HTML is to tell of opens and clicks, where neither domain nor message says otherwise.
    track_opens = models.BooleanField(default=False, db_default=False)
    track_clicks = models.BooleanField(default=False, db_default=False)
    # Why it may not submit for now, in words for the customer; "": it may.
    suspended_for = models.TextField(blank=True, default="", db_default="")
    # The volume: recipients a UTC day. `allowance.py` and who calls it write these, nobody else.
    stage = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    ceiling = models.PositiveIntegerField(  # that staff have approved
        default=FIRST_CEILING, db_default=FIRST_CEILING, editable=False
    )
    allowance = models.PositiveIntegerField(  # of today, and of each day until it changes
        default=plan.amount(0), db_default=plan.amount(0), editable=False
    )
    standing = models.PositiveSmallIntegerField(
        choices=Standing, default=Standing.GOOD, db_default=Standing.GOOD, editable=False
    )
    # What came before counts no more against it: staff have looked at it. Null: all counts.
    judged_since = models.DateTimeField(null=True, editable=False)
    # Recipients that wait for volume, as of some seconds ago.
    held = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    # Its volume of this day, where that was read together with it.
    today: VolumeDay | None = None
    # Nobody looks at the account without a second factor.
    requires_two_factor = models.BooleanField(default=False, db_default=False)
    # Days that contents are kept; 0: gone with the last recipient that is settled.
    content_days = models.PositiveSmallIntegerField(
        default=30, db_default=30, validators=[MaxValueValidator(365)]
    )
    # Days that messages and attempts are kept, and days that events are.
    message_days = models.PositiveSmallIntegerField(
        default=90, db_default=90, validators=[MinValueValidator(7), MaxValueValidator(730)]
    )
    event_days = models.PositiveSmallIntegerField(
        default=400, db_default=400, validators=[MinValueValidator(30), MaxValueValidator(1100)]
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Ended by an owner; what it holds is taken away by housekeeping.
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="accounts")

    class Meta:
        permissions = [("view_as_customer", "Can look at accounts as their customers do")]

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

        def includes(self, other: "Membership.Role") -> bool:
            """Say whether it may do all that the other may."""
            ranks = list(type(self))
            return ranks.index(self) <= ranks.index(other)

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    role = models.CharField(max_length=9, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "account"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.account} as {self.role}"

    def may(self, role: "Membership.Role") -> bool:
        """Say whether the member may do what takes that role."""
        return self.Role(self.role).includes(role)

    @property
    def may_own(self) -> bool:
        return self.may(self.Role.OWNER)

    @property
    def may_administer(self) -> bool:
        return self.may(self.Role.ADMIN)

    @property
    def may_develop(self) -> bool:
        return self.may(self.Role.DEVELOPER)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Those that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())


class Invitation(models.Model):
    """Somebody is asked into an account; the link that was sent is signed, not kept."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=9, choices=Membership.Role)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.email} into {self.account} as {self.role}"


class AuditEntry(models.Model):
    """Something that a member did; written once, and never changed."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="audit_entries")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=254)  # the address at that time: users go, the trail stays
    verb = models.CharField(max_length=100)  # "invited", "changed the role of"
    thing = models.TextField(blank=True, default="")
    address = models.GenericIPAddressField(null=True)  # of the client
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="audit_by_account")]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.who} {self.verb} {self.thing}".rstrip()


class Scope(models.TextChoices):
    """What a credential may do."""

    SEND = "send"  # submit messages, by SMTP and REST, and cancel them
    READ = "read"  # look at messages, events, suppressions, domains, statistics
    ADMIN = "admin"  # change domains, suppressions, webhooks, credentials


def usual_scopes() -> list[str]:
    """Return what a credential may do unless somebody asks for something else."""
    return [Scope.SEND.value, Scope.READ.value]


class Credential(models.Model):
    """What an application logs in with, by SMTP and REST. Only hashes of its secrets are kept.

    During a rotation two secrets are good: the new one and, for a while, the one before.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="credentials")
    username = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    previous_secret_hash = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    name = models.CharField(max_length=100)
    scopes = ArrayField(
        models.CharField(max_length=5, choices=Scope),
        default=usual_scopes,
        db_default=["send", "read"],
    )
    # The verified domains that it may send under, as lower-case A-labels; none named: all.
    domains = ArrayField(models.CharField(max_length=253), default=list, db_default=[], blank=True)
    is_test = models.BooleanField(
        default=False, db_default=False
    )  # nothing of it is ever delivered
    # For a mail server that splits long lists by itself: too many recipients are put off with
    # 452 (RFC 5321 §4.5.3.1.10), and the message goes to the first ones.
    is_relay = models.BooleanField(default=False, db_default=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, blank=True, editable=False)
    last_used_by = models.TextField(
        blank=True, default="", db_default="", editable=False
    )  # its EHLO name or User-Agent
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.username} ({self.name})"
