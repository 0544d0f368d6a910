"""One secret, every door: make credentials and find out whose a presented one is."""

import hashlib
import hmac
import secrets
import string

from accounts.models import Account, Credential

# 24 of 62 characters hold 142 bits: no dictionary reaches them, so one fast hash is enough.
SECRET_LENGTH = 24
ALPHABET = string.ascii_letters + string.digits


def create_credential(account: Account, name: str) -> tuple[Credential, str]:
    """Return a new credential and its secret, which is nowhere kept and shown only now."""
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    credential = Credential.objects.create(
        account=account, name=name, secret_hash=hash_secret(secret)
    )
    return credential, secret


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_of(secret: str, secret_hash: str) -> bool:
    """Say whether a presented secret is the one that was hashed, in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def find_credential(username: str) -> Credential | None:
    """Return the live credential of that name with its account, None where there is none."""
    return (
        Credential.objects.select_related("account")
        .filter(username=username, revoked_at=None)
        .first()
    )
