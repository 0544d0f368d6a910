"""The names that mail is sent under, and the keys that sign for them."""

from django.db import models
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
    verified_at = models.DateTimeField(null=True, blank=True)
    # What the last check saw; null: none was made, or DNS did not answer.
    dkim_verified = models.BooleanField(null=True, editable=False)
    return_path_verified = models.BooleanField(null=True, editable=False)
    spf_verified = models.BooleanField(null=True, editable=False)
    # The key was found under the mta. name only, so signatures name that as their domain.
    signs_as_mta = models.BooleanField(default=False, db_default=False, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    # One object a record, as `checks.Finding` has it.
    findings = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def mta_domain(self) -> str:
        return f"{self.mta_label}.{self.name}"


class SigningKey(models.Model):
    """A DKIM key pair (RFC 6376); the private half is kept only encrypted."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="signing_keys")
    selector = models.CharField(max_length=63)
    public_key = models.TextField()  # the p= tag: Base64 of the SubjectPublicKeyInfo
    encrypted_private_key = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="one_key_a_selector")
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain.name}"
