"""In which state a domain is, as its page, the API and its mails say it."""

from datetime import timedelta

from django.db import models

from domains.models import Domain

# How long a broken domain goes on sending, and how long the records of a new one are awaited.
GRACE = timedelta(hours=72)


class State(models.TextChoices):
    """What is known of the records of a domain."""

    NOT_STARTED = "not_started"  # nobody has looked yet
    PENDING = "pending"  # nothing that is required was found yet
    PARTIALLY_VERIFIED = "partially_verified"  # some of it was
    VERIFIED = "verified"  # mail may be sent
    TEMPORARY_FAILURE = "temporary_failure"  # broken: mail may be sent until its grace is over
    FAILED = "failed"  # not found within 72 hours, or broken for as long: no mail may be sent


def state_of(domain: Domain) -> State:
    """Return the state of a domain."""
    if domain.verified_at:
        return State.TEMPORARY_FAILURE if domain.broken_since else State.VERIFIED
    if domain.broken_since:
        return State.FAILED
    if domain.checked_at is None:
        return State.NOT_STARTED
    if domain.dkim_verified or (domain.return_path_verified and domain.spf_verified):
        return State.PARTIALLY_VERIFIED
    return State.PENDING
