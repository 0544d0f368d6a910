"""Who calls the REST door: a live secret of a credential, as a bearer token (RFC 6750 §2.1)."""

import base64
import binascii
import logging
import re
from typing import NoReturn

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import authentication, uses
from accounts.client_address import client_address
from accounts.models import Credential

logger = logging.getLogger(__name__)

NAME = re.compile(r"[0-9a-f]{16}", re.ASCII)
WRONG = "The secret is missing or is none of this account or credential"


class Caller:
    """What `request.user` is at the REST door: nobody who could log in anywhere else."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False
    pk = None

    def __init__(self, credential: Credential) -> None:
        self.username = credential.username

    def __str__(self) -> str:
        return self.username


class SecretAuthentication(BaseAuthentication):
    """`Authorization: Bearer SECRET`, or Basic with any user name and the secret as password.

    The path names a credential, whose secret it must be, or an account, of which any live
    credential's secret is good.
    """

    def authenticate(self, request: Request) -> tuple[Caller, Credential] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        name = request.parser_context["kwargs"].get("name", "")
        secret = secret_in(header)
        found = find(name, secret) if secret and NAME.fullmatch(name) else None
        if found is None:
            _refuse(request)
        _note_use(found, request)
        return Caller(found), found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="CloudMTA"'


def secret_in(header: str) -> str:
    """Return the secret that an `Authorization` header presents, "" where it presents none."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        # A user name has no colon, a password may have some (RFC 7617 §2).
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def find(name: str, secret: str) -> Credential | None:
    """Return the live credential that a secret is of, with its account. None: of none there."""
    credential = authentication.find_credential(name)
    if credential is not None:
        hashes = authentication.live_hashes(credential)
        return credential if authentication.is_one_of(secret, hashes) else None
    secret_hash = authentication.hash_secret(secret)
    is_before = Q(previous_secret_hash=secret_hash, previous_secret_until__gt=timezone.now())
    return (
        Credential.objects.select_related("account")
        .filter(Q(secret_hash=secret_hash) | is_before, account__public_id=name, revoked_at=None)
        .first()
    )


def _refuse(request: Request) -> NoReturn:
    logger.warning("A request from %s has no right secret", client_address(request.META))
    raise AuthenticationFailed(WRONG)


def _note_use(credential: Credential, request: Request) -> None:
    if uses.is_stale(credential.last_used_at, timezone.now()):
        program = request.META.get("HTTP_USER_AGENT", "")
        uses.note(credential.pk, client_address(request.META), program)
