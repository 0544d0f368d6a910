"""The names that mail is sent under, and the keys that sign for them."""

from django.db import models
from django.utils import timezone

from accounts.models import Account


class Domain(models.Model):
    """A sender domain of one account. Mail may be sent under it once its records were seen."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="domains")
    # Lower-case A-labels, as DNS has them.
    name = models.CharField(max_length=253, unique=True)
    # The label of the name that carries MX and SPF for the envelope: mta.example.com.
    mta_label = models.CharField(max_length=63, default="mta")
    verified_at = models.DateTimeField(null=True, blank=True)
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
