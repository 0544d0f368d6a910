"""Who signs for a sender domain: its signing keys, read once and kept ready for some seconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings

from domains import dkim, keys
from domains.dkim import Signer
from domains.models import Algorithm, Domain, KeyState

# Seconds that keys are used before the database is asked again whether they still are the ones.
KEEP_FOR = 10
USABLE = (KeyState.ACTIVE, KeyState.OLD)


@dataclass(frozen=True, slots=True)
class Turn:
    """A key of a domain, and the time from which on messages that are accepted get it."""

    signer: Signer
    signs_from: datetime | None  # None: from the beginning


@dataclass(frozen=True, slots=True)
class Identity:
    """What goes out under a domain: its signatures, and the domain of its reverse-paths."""

    turns: tuple[Turn, ...]  # RSA, oldest first; at least one
    extra: tuple[Turn, ...]  # Ed25519, oldest first
    mta_domain: str

    def sign(self, fields: Sequence[bytes], body: bytes, accepted_at: datetime) -> bytes:
        """Return the DKIM-Signature fields of a message, to be put in front of its header.

        Which keys sign goes by the time of acceptance: so every attempt sends the same bytes, by
        which receivers know a second copy (RFC 1047), also where a key was replaced meanwhile.
        """
        hashed, timestamp = dkim.body_hash(body), int(accepted_at.timestamp())
        signers = [*self._extra(accepted_at), self._signer(accepted_at), *operator_signers()]
        return b"".join(
            signer.sign_header(fields, hashed, timestamp=timestamp) for signer in signers
        )

    def _signer(self, accepted_at: datetime) -> Signer:
        # What is older than all keys is signed by the oldest: nothing leaves unsigned.
        begun = [turn for turn in self.turns if _has_begun(turn, accepted_at)]
        return (begun or self.turns[:1])[-1].signer

    def _extra(self, accepted_at: datetime) -> list[Signer]:
        if not settings.SIGN_ED25519:
            return []
        return [turn.signer for turn in self.extra if _has_begun(turn, accepted_at)][-1:]


def _has_begun(turn: Turn, accepted_at: datetime) -> bool:
    return turn.signs_from is None or turn.signs_from <= accepted_at


class Keyring:
    """The identities that one process signs with."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], tuple[float, Identity | None]] = {}

    def identity(self, account_id: int, domain: str) -> Identity | None:
        """Return the identity for an account's domain; None where that is not verified (any more).

        Reads the database where what it knows is old. Raises vault.KeyUnreadable and
        keys.KeyUnfit.
        """
        until, identity = self._known.get((account_id, domain), (0.0, None))
        # That there is none is not remembered: mail of a domain just verified may be here already.
        if identity is None or until < time.monotonic():
            identity = _load(account_id, domain)
            self._known[account_id, domain] = (time.monotonic() + KEEP_FOR, identity)
        return identity


def _load(account_id: int, name: str) -> Identity | None:
    verified = Domain.objects.filter(account=account_id, name=name, verified_at__isnull=False)
    domain = verified.first()
    if domain is None:
        return None
    turns: dict[str, list[Turn]] = {algorithm: [] for algorithm in Algorithm}
    for key in domain.signing_keys.filter(state__in=USABLE).order_by("id"):
        private_key = keys.load_private_key(bytes(key.encrypted_private_key), key.public_key)
        signer = Signer(domain.signs_as, key.selector, private_key)
        turns[key.algorithm].append(Turn(signer, key.signs_from))
    if not turns[Algorithm.RSA]:
        raise keys.KeyUnfit("It has no signing key")
    rsa, ed25519 = turns[Algorithm.RSA], turns[Algorithm.ED25519]
    return Identity(tuple(rsa), tuple(ed25519), domain.mta_domain)


@cache
def operator_signers() -> tuple[Signer, ...]:
    """Return who signs for the operator beside each customer: one, or nobody.

    Raises OSError, ValueError or TypeError where the key cannot be read: then no worker starts.
    """
    if not settings.OPERATOR_SIGNING_DOMAIN:
        return ()
    private_key = keys.parse(Path(settings.OPERATOR_SIGNING_KEY_FILE).read_bytes())
    selector = settings.OPERATOR_SIGNING_SELECTOR
    return (Signer(settings.OPERATOR_SIGNING_DOMAIN, selector, private_key),)
