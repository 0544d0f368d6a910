"""Who signs for a sender domain: its signing key, read once and kept ready for some seconds."""

import time
from dataclasses import dataclass

from domains import keys
from domains.dkim import Signer
from domains.models import SigningKey

# Seconds that a key is used before the database is asked again whether it still is the one.
KEEP_FOR = 10


@dataclass(frozen=True, slots=True)
class Identity:
    """What goes out under a domain: its signature, and the domain of its reverse-paths."""

    signer: Signer
    mta_domain: str


class Keyring:
    """The identities that one process signs with."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], tuple[float, Identity | None]] = {}

    def identity(self, account_id: int, domain: str) -> Identity | None:
        """Return the identity for an account's domain; None where it may not or cannot sign.

        Reads the database where what it knows is old. Raises vault.KeyUnreadable.
        """
        until, identity = self._known.get((account_id, domain), (0.0, None))
        if until < time.monotonic():
            identity = _load(account_id, domain)
            self._known[account_id, domain] = (time.monotonic() + KEEP_FOR, identity)
        return identity


def _load(account_id: int, domain: str) -> Identity | None:
    key = (
        SigningKey.objects.select_related("domain")
        .filter(domain__account=account_id, domain__name=domain, domain__verified_at__isnull=False)
        .order_by("id")
        .first()
    )
    if key is None:
        return None
    private_key = keys.load_private_key(bytes(key.encrypted_private_key))
    # A key under the mta. name verifies for that domain only; DMARC takes both (RFC 7489 §3.1.1).
    signs_as = key.domain.mta_domain if key.domain.signs_as_mta else domain
    return Identity(Signer(signs_as, key.selector, private_key), key.domain.mta_domain)
