"""The names that mail is sent under, and the keys that sign for them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Account, new_public_id


class Domain(models.Model):
    """A sender domain of one account. Mail may be sent under it once its records were seen."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="domains")
    # Lower-case A-labels, as DNS has them.
    name = models.CharField(max_length=253, unique=True)
    # The label of the name that carries MX and SPF for the envelope: mta.example.com.
    mta_label = models.CharField(max_length=63, default="mta")
    # Whether HTML is to tell of opens and clicks; null: as the account has it.
    track_opens = models.BooleanField(null=True, blank=True)
    track_clicks = models.BooleanField(null=True, blank=True)
    # The selector of the next key, so that a CNAME for it can stand beforehand.
    spare_selector = models.CharField(
        max_length=63, blank=True, default="", db_default="", editable=False
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    # What the last check saw; null: none was made, or DNS did not answer.
    dkim_verified = models.BooleanField(null=True, editable=False)
    return_path_verified = models.BooleanField(null=True, editable=False)
    spf_verified = models.BooleanField(null=True, editable=False)
    # The key was found under the mta. name only, so signatures name that as their domain.
    signs_as_mta = models.BooleanField(default=False, db_default=False, editable=False)
    # The key was found by way of a CNAME into the operator's zone.
    key_is_alias = models.BooleanField(default=False, db_default=False, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    # One object a record, as `checks.Finding` has it.
    findings = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), editable=False
    )
    # Since when it is not as it must be, although it was, or although the time for it is over.
    broken_since = models.DateTimeField(null=True, blank=True, editable=False)
    next_check_at = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    # The zone that its records stand in, and the hosts that serve it; "": not seen yet.
    zone = models.CharField(max_length=253, blank=True, default="", db_default="", editable=False)
    name_servers = ArrayField(
        models.CharField(max_length=253), default=list, db_default=[], editable=False
    )
    # The addresses of the resolvers that the last check asked.
    asked = ArrayField(
        models.CharField(max_length=100), default=list, db_default=[], editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["next_check_at"], name="domain_check_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def mta_domain(self) -> str:
        return f"{self.mta_label}.{self.name}"

    @property
    def signs_as(self) -> str:
        """The domain that signatures name; for DMARC both are one (RFC 7489 §3.1.1)."""
        return self.mta_domain if self.signs_as_mta else self.name


class Algorithm(models.TextChoices):
    """How a key signs, in the words of the a= tag."""

    RSA = "rsa-sha256"  # what every receiver reads (RFC 8301)
    ED25519 = "ed25519-sha256"  # beside it, for those who read it (RFC 8463)


class KeyState(models.TextChoices):
    """Where a key stands in its life, which only goes forward."""

    NEXT = "next"  # signs as soon as DNS has shown its record for a while
    ACTIVE = "active"  # signs
    OLD = "old"  # signs what was accepted before its successor; its record must stay
    RETIRED = "retired"  # its private half is gone, and its record may go


class SigningKey(models.Model):
    """A DKIM key pair (RFC 6376); the private half is kept only encrypted."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="signing_keys")
    selector = models.CharField(max_length=63)
    algorithm = models.CharField(
        max_length=14, choices=Algorithm, default=Algorithm.RSA, db_default="rsa-sha256"
    )
    public_key = models.TextField()  # the p= tag, in Base64
    encrypted_private_key = models.BinaryField()  # empty: it is retired
    state = models.CharField(
        max_length=7, choices=KeyState, default=KeyState.ACTIVE, db_default="active"
    )
    # How often in a row DNS has shown the record of a next key, since when, and what it last said.
    sightings = models.PositiveSmallIntegerField(default=0, db_default=0)
    seen_since = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    advice = models.TextField(blank=True, default="", db_default="")
    # It signs what was accepted from one moment on, up to the other; null: no end yet.
    signs_from = models.DateTimeField(null=True, blank=True)
    signs_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="one_key_a_selector"),
            models.UniqueConstraint(
                fields=["domain", "algorithm", "state"],
                condition=models.Q(state__in=["next", "active"]),
                name="one_key_next_and_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain.name}"

    @property
    def record_name(self) -> str:
        """The name under which receivers look for it: below the domain that it signs as."""
        return f"{self.selector}._domainkey.{self.domain.signs_as}"
