"""What one sending domain needs in DNS, and under which names, as its owner's zone has them."""

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from domains import aliases
from domains.models import Algorithm, Domain, KeyState, SigningKey
from domains.public_suffixes import registrable
from domains.records import Record, expected_records


@dataclass(frozen=True)
class Needs:
    """The names and values to publish for a domain."""

    domain: str
    mta_label: str
    selector: str
    public_key: str  # the p= tag
    operator_host: str
    seen_zone: str = ""  # where the last check found name servers
    key_alias: str = ""  # where a CNAME in place of the key may lead; "": nowhere

    @property
    def mta_domain(self) -> str:
        return f"{self.mta_label}.{self.domain}"

    @property
    def dkim_domain(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def dkim_at_mta(self) -> str:
        return f"{self.selector}._domainkey.{self.mta_domain}"

    @cached_property
    def zone(self) -> str:
        """The zone that its owner most likely edits: the one seen, else the registered name."""
        return self.seen_zone or zone_of(self.domain)

    @cached_property
    def records(self) -> tuple[Record, Record, Record]:
        """The alias, the key and the recommended policy."""
        alias, key, policy = expected_records(
            self.domain, self.mta_label, self.selector, self.public_key, self.operator_host
        )
        return alias, key, policy

    def relative(self, name: str) -> str:
        """Return a name as the panels of most DNS providers want it, without the zone."""
        return name.removesuffix(f".{self.zone}")

    def doubled(self, name: str) -> str:
        """Return where a name lands if the panel appends the zone to a name in full."""
        return f"{name}.{self.zone}"


def zone_of(domain: str) -> str:
    """Return the registered name that a domain lies under."""
    return registrable(domain) or domain


def relative(name: str, domain: Domain) -> str:
    """Return a name below a domain without the zone of that."""
    return name.removesuffix(f".{domain.zone or zone_of(domain.name)}")


def of(domain: Domain) -> Needs | None:
    """Return what a domain needs; None where it has no signing key."""
    key = next(filter(_signs, domain.signing_keys.all()), None)
    if key is None:
        return None
    return Needs(
        domain.name,
        domain.mta_label,
        key.selector,
        key.public_key,
        settings.OPERATOR_HOST,
        domain.zone,
        aliases.target(domain.public_id, key.selector),
    )


def _signs(key: SigningKey) -> bool:
    return key.state == KeyState.ACTIVE and key.algorithm == Algorithm.RSA
