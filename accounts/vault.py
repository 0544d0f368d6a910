"""Keep secrets encrypted at rest: Fernet (AES-128-CBC, HMAC-SHA256) under MASTER_KEYS.

The first master key encrypts, all of them decrypt. To replace one, put the new key in front, run
`manage.py reencrypt`, and drop the old one.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class KeyUnreadable(Exception):
    """None of the master keys opens a secret: one of them was lost, or the secret damaged."""


def encrypt(plain: bytes) -> bytes:
    return master_keys(tuple(settings.MASTER_KEYS)).encrypt(plain)


def decrypt(token: bytes) -> bytes:
    try:
        return master_keys(tuple(settings.MASTER_KEYS)).decrypt(token)
    except InvalidToken:
        raise KeyUnreadable(
            "No key in MASTER_KEYS opens this secret. Was one taken out that is still needed?"
        ) from None


def renew(token: bytes) -> bytes:
    """Return a secret sealed by the first master key, whichever did before. Or KeyUnreadable."""
    return encrypt(decrypt(token))


@lru_cache(maxsize=4)
def master_keys(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(stretch(key)) for key in keys])


def stretch(key: str) -> bytes:
    """Make a Fernet key of a string that has enough entropy of its own."""
    # The prefix keeps it apart from whatever else may be derived from the same string.
    return urlsafe_b64encode(sha256(b"cloudmta.vault.1\0" + key.encode()).digest())
