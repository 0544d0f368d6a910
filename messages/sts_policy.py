"""The policies of domains, kept: to lose one is to lose the protection (RFC 8461 §10.2)."""

import random
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from messages.mta_sts import Mode, Policy

# So much of its life is over when a policy is fetched again: not all of them at the same moment.
REFRESHED_BETWEEN = 0.5, 0.9
# Policies that no mail has asked for so long may expire.
KEPT_FOR = timedelta(days=30)
# Until a fetch that failed is repeated; the policy holds meanwhile.
FETCH_AGAIN = timedelta(hours=1)


class StsPolicy(models.Model):
    """What a domain asked of those who send it mail, when it was last fetched."""

    domain = models.TextField(primary_key=True)  # lower-case A-labels
    policy_id = models.TextField()  # as its TXT record said; a new one is worth a fetch
    mode = models.CharField(max_length=7, choices=[(one.value, one.value) for one in Mode])
    patterns = ArrayField(models.TextField())
    max_age = models.PositiveIntegerField()  # seconds
    fetched_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    refresh_at = models.DateTimeField(db_index=True)  # at some moment before it expires
    needed_at = models.DateTimeField()  # when mail for the domain last asked for it

    def __str__(self) -> str:
        return f"{self.domain}: {self.mode}"

    @property
    def policy(self) -> Policy:
        return Policy(Mode(self.mode), tuple(self.patterns), self.max_age)


def needed(domain: str) -> list[StsPolicy]:
    """Return the policy of a domain that holds now, if there is one; mail is about to go there."""
    now = timezone.now()
    kept = StsPolicy.objects.filter(domain=domain, expires_at__gt=now)
    kept.update(needed_at=now)
    return list(kept)


def keep(domain: str, policy_id: str, policy: Policy) -> bool:
    """Keep what a domain asks for, in place of what it asked before."""
    now = timezone.now()
    life = timedelta(seconds=policy.max_age)
    fields = {
        "policy_id": policy_id,
        "mode": policy.mode.value,
        "patterns": list(policy.patterns),
        "max_age": policy.max_age,
        "fetched_at": now,
        "expires_at": now + life,
        "refresh_at": now + life * random.uniform(*REFRESHED_BETWEEN),
    }
    StsPolicy.objects.update_or_create(
        domain=domain, defaults=fields, create_defaults=fields | {"needed_at": now}
    )
    return True


def due(most: int) -> list[StsPolicy]:
    """Return policies to be fetched again, after taking away those that have expired."""
    now = timezone.now()
    StsPolicy.objects.filter(expires_at__lte=now).delete()
    wanted = StsPolicy.objects.filter(refresh_at__lte=now, needed_at__gt=now - KEPT_FOR)
    return list(wanted.order_by("refresh_at")[:most])


def put_off(domain: str) -> None:
    """Let a policy that could not be fetched be, and try again later."""
    StsPolicy.objects.filter(domain=domain).update(refresh_at=timezone.now() + FETCH_AGAIN)
