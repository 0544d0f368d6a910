"""Check the domains whose time has come, many at once: a silent one delays the others little."""

import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from domains import checks, needs, resolver, standing
from domains.models import Domain
from domains.needs import Needs

# Domains looked up together: some 15 questions each, and as many sockets.
BATCH = 25
# Seconds after which a turn begins no other batch; the next turn comes soon.
TURN = 10.0
# If we die over a batch, it is looked at again after so long.
LEASE = timedelta(minutes=5)


def check_due() -> int:
    """Check the domains that are due, and return how many were; takes 15 seconds at the most."""
    end = time.monotonic() + TURN
    count = 0
    while time.monotonic() < end and (claimed := _claim()):
        _check(claimed)
        count += len(claimed)
    return count


def _claim() -> list[Domain]:
    """Take a batch of due domains, so that nobody else checks them."""
    now = timezone.now()
    with transaction.atomic():
        due = Domain.objects.filter(next_check_at__lte=now).order_by("next_check_at")
        claimed = list(due.select_for_update(skip_locked=True)[:BATCH])
        pks = [domain.pk for domain in claimed]
        Domain.objects.filter(pk__in=pks).update(next_check_at=now + LEASE)
    return list(Domain.objects.filter(pk__in=pks).prefetch_related("signing_keys"))


def _check(domains: list[Domain]) -> None:
    needed = [(domain, wanted) for domain in domains if (wanted := _needs(domain))]
    answers = resolver.ask(one for _, wanted in needed for one in checks.questions(wanted))
    for domain, wanted in needed:
        try:
            standing.note(domain, checks.judge(wanted, answers))
        except Domain.DoesNotExist:
            continue  # removed meanwhile


def _needs(domain: Domain) -> Needs | None:
    needed = needs.of(domain)
    if needed is None:  # no key: nothing to look for
        Domain.objects.filter(pk=domain.pk).update(next_check_at=timezone.now() + standing.DAY)
    return needed
