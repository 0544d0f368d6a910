"""Where a domain stands by what checks have seen of it, and when it is looked at again.

A domain that breaks goes on sending for 72 hours: trouble with DNS passes. The records of a new one
are awaited as long; after that we look once a day, for ever.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import changes
from domains import notices, resolver
from domains.checks import Report
from domains.models import Domain
from domains.states import GRACE, state_of

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def note(domain: Domain, report: Report) -> None:
    """Write down what a check saw, and tell the account where its domain stands otherwise now.

    The domain at hand is brought up to date. Raises Domain.DoesNotExist where it was removed.
    """
    with transaction.atomic():
        # Two checks at the same time must not both tell of one change.
        locked = Domain.objects.select_for_update().get(pk=domain.pk)
        before, now = state_of(locked), timezone.now()
        _write(locked, report, now)
        _move(locked, report, now)
        locked.next_check_at = now + _pause(locked, report, now)
        locked.save()
        notices.tell(locked, before)
        changes.announce(locked.account_id)
    domain.refresh_from_db()


def _write(domain: Domain, report: Report, now: datetime) -> None:
    domain.return_path_verified = report.return_path
    domain.spf_verified = report.spf
    domain.dkim_verified = report.dkim
    if report.dkim:
        domain.signs_as_mta = report.dkim_is_at_mta
        domain.key_is_alias = report.dkim_is_alias
    domain.findings = [asdict(finding) for finding in report.findings]
    domain.checked_at, domain.asked = now, resolver.servers()
    if report.zone.name:
        domain.zone, domain.name_servers = report.zone.name, list(report.zone.servers)


def _move(domain: Domain, report: Report, now: datetime) -> None:
    """Bring a domain into the state that follows; where DNS did not answer it stays in its own."""
    if report.is_verified:
        domain.verified_at, domain.broken_since = domain.verified_at or now, None
    elif not report.is_wrong:
        return
    elif domain.verified_at is None:
        if domain.broken_since is None and now - domain.created_at >= GRACE:
            domain.broken_since = now
    elif domain.broken_since is None:
        domain.broken_since = now
    elif now - domain.broken_since >= GRACE:
        domain.verified_at = None


def _pause(domain: Domain, report: Report, now: datetime) -> timedelta:
    """Return how long to wait for the next check."""
    if domain.verified_at and domain.broken_since:
        # In time for the end of its grace.
        return min(HOUR, max(domain.broken_since + GRACE - now, MINUTE))
    if domain.verified_at:
        return DAY if report.is_verified else HOUR
    age = now - domain.created_at
    if age < HOUR:
        return MINUTE
    return HOUR if age < GRACE else DAY
