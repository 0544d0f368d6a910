"""Which terms hold for a site: the default, its provider's, and what staff has decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.exchangers import Exchangers
from messages.shaping.limits import DEFAULT, NO_LIMITS, Limits
from messages.shaping.providers import all_lie_under, provider_of
from messages.site_override import SiteOverride


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one site."""

    site: str  # its key, the same in every worker
    group: str | None  # whose limits it shares with other sites: a provider, or a suffix of staff's
    each: Limits
    total: Limits  # of all sites of the group together
    suspended_until: datetime | None = None  # by staff
    note: str = ""  # theirs


def key_of(exchangers: Exchangers) -> str:
    """Return the name of a site in Redis: equal exchangers are one site (delivery S2)."""
    hosts = "\n".join(" ".join(sorted(group)) for group in exchangers.groups)
    hosts += "\nTLS" * exchangers.require_tls  # a policy that nobody keeps troubles no others
    return hashlib.sha256(hosts.encode()).hexdigest()[:16]


class Book:
    """All terms. `version` changes whenever the answers may."""

    def __init__(self, overrides: Sequence[SiteOverride] = ()) -> None:
        self.version = 0
        self._overrides: list[SiteOverride] = []
        self.update(overrides)

    def update(self, overrides: Sequence[SiteOverride]) -> None:
        """Take over what staff has decided by now."""
        if [vars_of(one) for one in overrides] != [vars_of(one) for one in self._overrides]:
            self.version += 1
        # The longest name is the most particular.
        self._overrides = sorted(overrides, key=lambda one: len(one.suffix), reverse=True)

    def terms(self, exchangers: Exchangers) -> Terms:
        """Return what holds for a site now."""
        hosts = [host for group in exchangers.groups for host in group]
        provider = provider_of(hosts)
        each = provider.each if provider else NO_LIMITS
        total, group = (provider.total, provider.name) if provider else (NO_LIMITS, None)
        override = next(
            (one for one in self._overrides if all_lie_under(hosts, [one.suffix])), None
        )
        suspended_until, note = None, ""
        if override:
            each, total = override.each.over(each), override.total.over(total)
            if override.total != NO_LIMITS and not group:
                group = override.suffix
            suspended_until, note = override.suspended_until, override.note
        return Terms(key_of(exchangers), group, each.over(DEFAULT), total, suspended_until, note)


def vars_of(override: SiteOverride) -> tuple[object, ...]:
    """Return all that an override says, to compare it."""
    return tuple(getattr(override, field.attname) for field in override._meta.concrete_fields)


def load() -> list[SiteOverride]:
    """Read from the database what staff has decided."""
    return list(SiteOverride.objects.order_by("suffix"))
