"""The links of tracked mail: opaque, complete in themselves, and made by nobody but us.

AES-SIV (RFC 5297) encrypts and authenticates in one step and needs no nonce: a link is the same
on every attempt, and nobody can read in it who got it or where it leads.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

ID_LENGTH = 8  # octets: a bigint
# Octets of a URL that we track. Our link is a third longer, and must pass through servers and
# mail gateways that take no more than 4096.
MAX_URL = 2900

TOKEN = re.compile(r"[\w-]+", re.ASCII)


class Purpose(Enum):
    """What a link is for; a token that was made for one is worth nothing for another."""

    OPEN = "o"
    CLICK = "c"
    UNSUBSCRIBE = "u"


@dataclass(frozen=True, slots=True)
class Token:
    """What a link knows: whose copy of a message it stood in, and where it leads."""

    recipient_id: int  # of the recipient's row, which is never reused and names the message too
    url: str = ""  # ASCII; of a click only


def pixel_url(recipient_id: int) -> str:
    """Return the address of the image that tells of an open."""
    return f"{_link(Purpose.OPEN, Token(recipient_id))}.gif"


def click_url(recipient_id: int, url: str) -> str:
    """Return the link that leads to a URL (ASCII, http or https) by way of us."""
    return _link(Purpose.CLICK, Token(recipient_id, url))


def unsubscribe_url(recipient_id: int) -> str:
    """Return where a recipient says that he wants no more digests."""
    return _link(Purpose.UNSUBSCRIBE, Token(recipient_id))


def is_ours(url: str) -> bool:
    """Say whether a URL is one of these links already."""
    return url.startswith(f"{settings.TRACKING_URL}/t/")


def _link(purpose: Purpose, token: Token) -> str:
    return f"{settings.TRACKING_URL}/t/{purpose.value}/{write(purpose, token)}"


def write(purpose: Purpose, token: Token) -> str:
    """Return a token as it stands in a link: Base64 for URLs, without padding (RFC 4648 §5)."""
    plain = token.recipient_id.to_bytes(ID_LENGTH, "big") + token.url.encode("ascii")
    sealed = _cipher(settings.SECRET_KEY).encrypt(plain, [purpose.value.encode()])
    return _base64(sealed)


def read(purpose: Purpose, written: str) -> Token | None:
    """Return what a token says. None: we never wrote it, or not for this purpose."""
    if not TOKEN.fullmatch(written) or len(written) % 4 == 1:
        return None
    sealed = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    # The last digit has bits that stand for nothing; only one way of writing is ours.
    if _base64(sealed) != written:
        return None
    # Links live as long as the mail they stand in: an earlier secret key's are good too.
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            plain = _cipher(secret).decrypt(sealed, [purpose.value.encode()])
        except InvalidTag:
            continue
        return Token(int.from_bytes(plain[:ID_LENGTH], "big"), plain[ID_LENGTH:].decode("ascii"))
    return None


def _base64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=8)
def _cipher(secret: str) -> AESSIV:
    # A key of its own, so that nothing else which is made with SECRET_KEY passes as a token. 512
    # bits: two keys of AES-256.
    return AESSIV(hmac.digest(secret.encode(), b"events.tracking", "sha512"))
