"""Add, check and remove the domains that an account sends under."""

import re

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from accounts import changes, vault
from accounts.models import Account
from domains import checks, keys, needs, standing
from domains.addresses import LABEL, MAX_DOMAIN, AddressError, normalise_domain
from domains.models import Domain, SigningKey
from domains.public_suffixes import registrable

ONE_LABEL = re.compile(LABEL)
TAKEN = "Domain has already been taken"
# Domains of an account whose records are not there: each is asked about for ever, and its name is
# kept from others, whose it may be.
MAX_UNVERIFIED = 200
# Names the lock of an account's checks, beside the account's key.
CHECKS = 0x444E53
# What is put in front of a name in DNS, the selector's twelve digits included.
ROOM = len("xxxxxxxxxxcm._domainkey.")


class DomainRefused(Exception):
    """A domain cannot be added. Says in words why, and which field is to blame."""

    def __init__(self, field: str, text: str, code: str = "invalid") -> None:
        self.field = field
        self.code = code
        super().__init__(text)


class CheckRunning(Exception):
    """One check of an account at a time: each keeps a thread waiting for DNS."""


def add(account: Account, name: str, mta_label: str = "mta") -> Domain:
    """Give an account a domain, not yet verified, with a signing key. Raises DomainRefused."""
    name = normalise(name)
    check_label(name, mta_label)
    if Domain.objects.filter(name=name).exists():
        raise DomainRefused("domain", TAKEN, "taken")  # by whom is nobody's business
    if account.domains.filter(verified_at=None).count() >= MAX_UNVERIFIED:
        text = f"{MAX_UNVERIFIED} domains of the account are not verified: remove some first"
        raise DomainRefused("domain", text, "too_many_domains")
    private_key, public_key = keys.generate()
    try:
        with transaction.atomic():
            domain = Domain.objects.create(
                account=account,
                name=name,
                mta_label=mta_label,
                spare_selector=keys.new_selector(),
            )
            SigningKey.objects.create(
                domain=domain,
                selector=keys.new_selector(),
                public_key=public_key,
                encrypted_private_key=vault.encrypt(private_key),
            )
            changes.announce(account.pk)
    except IntegrityError:
        raise DomainRefused("domain", TAKEN, "taken") from None
    return domain


def normalise(name: str) -> str:
    """Return a domain in lower-case A-labels, if mail may be sent under it."""
    try:
        name = normalise_domain(name)
    except AddressError as error:
        raise DomainRefused("domain", f"{error}: give a name such as example.com") from None
    if registrable(name) is None:
        raise DomainRefused("domain", f"{name} is a public suffix: anybody may have names under it")
    if is_under(name, settings.OPERATOR_HOST):
        raise DomainRefused("domain", f"{name} belongs to this service")
    return name


def check_label(name: str, mta_label: str) -> None:
    if not ONE_LABEL.fullmatch(mta_label):
        raise DomainRefused("mta_label", "One label: letters a to z, digits and hyphens")
    mta_domain = f"{mta_label}.{name}"
    if is_under(mta_domain, settings.OPERATOR_HOST):
        raise DomainRefused("mta_label", f"{mta_domain} belongs to this service")
    if len(mta_domain) + ROOM > MAX_DOMAIN:
        raise DomainRefused("domain", "Too long: there is no room for the names of its records")


def is_under(name: str, host: str) -> bool:
    return f".{name}".endswith(f".{host}")


def check_now(domain: Domain) -> bool:
    """Verify a domain for somebody who waits. Raises CheckRunning, and what `verify` raises."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [CHECKS, domain.account_id])
        if not cursor.fetchone()[0]:
            raise CheckRunning("A check of a domain of this account is running: wait for its end")
        try:
            return verify(domain)
        finally:
            # Should we die, it goes with the connection.
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [CHECKS, domain.account_id])


def verify(domain: Domain) -> bool:
    """Ask DNS about a domain, note what it says, and tell whether everything required is right.

    Raises Domain.DoesNotExist where it was removed meanwhile.
    """
    needed = needs.of(domain)
    if needed is None:
        return False
    report = checks.check(needed)
    standing.note(domain, report)
    return report.is_verified


def change(domain: Domain, **switches: bool | None) -> None:
    """Turn switches of a domain; it holds for what is accepted from now on."""
    for name, value in switches.items():
        setattr(domain, name, value)
    with transaction.atomic():
        # No such row, no error: it may have been removed meanwhile.
        Domain.objects.filter(pk=domain.pk).update(**switches)
        changes.announce(domain.account_id)


def remove(domain: Domain) -> None:
    """Take a domain and its keys away. What is queued for it can no longer be signed."""
    with transaction.atomic():
        domain.delete()
        changes.announce(domain.account_id)
