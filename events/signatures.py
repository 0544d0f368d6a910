"""Sign what is posted, as Standard Webhooks 1.0 asks, so that receivers can tell it is from us."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

PREFIX = "whsec_"
# Crockford's base 32, which ULIDs are written in.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def name_of(batch_id: UUID) -> str:
    """Return the `webhook-id` of a batch: `evt_` and its id as a ULID, in the order of time."""
    digits = (ALPHABET[batch_id.int >> shift & 31] for shift in range(125, -1, -5))
    return "evt_" + "".join(digits)


def headers(secrets: Iterable[str], name: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three header fields of a post. `timestamp` is in seconds since 1970."""
    signed = f"{name}.{timestamp}.".encode() + body
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.digest(key, signed, sha256)).decode()
