"""Write and read the reverse-path of each recipient (VERP): bounces+TOKEN@mta.example.com.

The token names the recipient's row, whose id is unique and never reused, and by that row the
message; a MAC (HMAC-SHA256) keeps others from making one. It is the same on every attempt.
"""

import hmac
import re
from functools import lru_cache

from django.conf import settings

ID_LENGTH = 8  # octets: a bigint
# Octets. 96 bits are beyond guessing, and with the id make 160: 40 characters of hex, so that the
# local part takes 48 of its 64 octets (RFC 5321 §4.5.3.1.1).
MAC_LENGTH = 12

# Hex, because some servers change the case of a local part, and nothing is written faster.
ADDRESS = re.compile(r"bounces\+([0-9a-f]{40})@[^@\s]+", re.ASCII | re.IGNORECASE)


def of(recipient_id: int, mta_domain: str) -> str:
    """Return the reverse-path for one recipient."""
    identifier = recipient_id.to_bytes(ID_LENGTH, "big")
    token = identifier + mac(identifier, settings.SECRET_KEY)
    return f"bounces+{token.hex()}@{mta_domain}"


def read(address: str) -> int | None:
    """Return the id of the recipient that an address stands for. None: we never wrote it."""
    written = ADDRESS.fullmatch(address)
    if not written:
        return None
    token = bytes.fromhex(written[1])
    identifier, claimed = token[:ID_LENGTH], token[ID_LENGTH:]
    # Mail bounces for days: what an earlier secret key signed must still come home.
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(claimed, mac(identifier, secret)):
            return int.from_bytes(identifier, "big")
    return None


def mac(identifier: bytes, secret: str) -> bytes:
    keyed = keyed_hash(secret).copy()
    keyed.update(identifier)
    return keyed.digest()[:MAC_LENGTH]


@lru_cache(maxsize=8)
def keyed_hash(secret: str) -> hmac.HMAC:
    """Return an HMAC with its key set up, to be copied; setting it up is half of the cost."""
    # A key of its own, so that nothing else which is signed with SECRET_KEY passes as a token.
    key = hmac.digest(secret.encode(), b"messages.bounce_address", "sha256")
    return hmac.new(key, digestmod="sha256")
