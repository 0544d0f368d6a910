"""One secret, every door: make credentials and find out whose a presented one is."""

import hashlib
import hmac
import secrets
import string
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from accounts import changes
from accounts.models import Account, Credential
from accounts.volume import VolumeDay

# 24 of 62 characters hold 142 bits: no dictionary reaches them, so one fast hash is enough.
SECRET_LENGTH = 24
ALPHABET = string.ascii_letters + string.digits
# By it, scanners of source code and of logs know a secret of ours.
PREFIX = "cmta_"
# So long the secret before the last rotation stays good, for applications to be changed.
ROTATION = timedelta(hours=24)


def create_credential(account: Account, name: str, **fields: object) -> tuple[Credential, str]:
    """Return a new credential and its secret, which is nowhere kept and shown only now."""
    secret = new_secret()
    credential = Credential.objects.create(
        account=account, name=name, secret_hash=hash_secret(secret), **fields
    )
    return credential, secret


def new_secret() -> str:
    """Return a secret that no client and no URL has to escape."""
    return PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))


def rotate(credential: Credential, *, immediately: bool = False) -> str:
    """Give a credential a new secret and return it; the one before stays good for a day.

    `immediately`: it ends now, for somebody else may know it.
    """
    secret = new_secret()
    credential.previous_secret_hash = "" if immediately else credential.secret_hash
    credential.previous_secret_until = None if immediately else timezone.now() + ROTATION
    credential.secret_hash = hash_secret(secret)
    with transaction.atomic():
        credential.save(
            update_fields=["secret_hash", "previous_secret_hash", "previous_secret_until"]
        )
        changes.announce(credential.account_id)
    return secret


def end_rotation(credential: Credential) -> None:
    """End the secret before the last rotation; the new one alone is good from now on."""
    credential.previous_secret_hash, credential.previous_secret_until = "", None
    with transaction.atomic():
        credential.save(update_fields=["previous_secret_hash", "previous_secret_until"])
        changes.announce(credential.account_id)


def revoke(credential: Credential) -> None:
    """End a credential for ever; running sessions see it at once."""
    credential.revoked_at = timezone.now()
    with transaction.atomic():
        credential.save(update_fields=["revoked_at"])
        changes.announce(credential.account_id)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret in hex."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def is_secret_of(secret: str, secret_hash: str) -> bool:
    """Say whether a presented secret is the one that was hashed, in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def is_one_of(secret: str, secret_hashes: Iterable[str]) -> bool:
    """Say whether a presented secret is one of the hashed, in a time that does not tell which."""
    answers = [is_secret_of(secret, secret_hash) for secret_hash in secret_hashes]
    return True in answers


def live_hashes(credential: Credential) -> tuple[str, ...]:
    """Return the hashes of the secrets that are good at this moment: one, two in a rotation."""
    until = credential.previous_secret_until
    if until and until > timezone.now():
        return credential.secret_hash, credential.previous_secret_hash
    return (credential.secret_hash,)


def find_credential(username: str) -> Credential | None:
    """Return the live credential of that name with its account and its day, None where none is."""
    if "\x00" in username:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_live_credential(), [username])
        row = cursor.fetchone()
    if row is None:
        return None
    credential, account, day = _models(row, Credential, Account, VolumeDay)
    credential.account = account
    # The first claim of a day makes its row; until then nothing is used.
    account.today = day if day.pk else VolumeDay(allowance=account.allowance)
    return credential


def _models(row: Sequence[Any], *models: type[Model]) -> Iterator[Any]:
    """Yield what a row holds of several models, one after the other."""
    start = 0
    for model in models:
        columns = _columns(model)
        end = start + len(columns)
        yield model.from_db(connection.alias, columns, row[start:end])
        start = end


@cache
def _live_credential() -> str:
    # In SQL, for each request asks it, and the ORM takes a millisecond to write the same.
    columns = [f"c.{name}" for name in _columns(Credential)]
    columns += [f"a.{name}" for name in _columns(Account)]
    columns += [f"d.{name}" for name in _columns(VolumeDay)]
    return (
        f"SELECT {', '.join(columns)} FROM accounts_credential c"
        " JOIN accounts_account a ON a.id = c.account_id"
        " LEFT JOIN accounts_volumeday d"
        " ON d.account_id = a.id AND d.day = (now() AT TIME ZONE 'UTC')::date"
        " WHERE c.username = %s AND c.revoked_at IS NULL"
    )


@cache
def _columns(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]
