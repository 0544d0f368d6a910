"""Make and keep DKIM signing keys: RSA-2048 (RFC 8301 §3.2), encrypted at rest."""

import secrets
from base64 import b64encode
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts import vault

KEY_SIZE = 2048  # bits; more would not fit in one UDP answer, and signs seven times slower


def generate() -> tuple[bytes, str]:
    """Return a new private key (PEM, still to be encrypted) and its public half for p=."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private_pem, b64encode(public_der).decode("ascii")


def new_selector() -> str:
    """Return a selector that no other key of the domain has."""
    return secrets.token_hex(5) + "cm"


def dkim_record(p: str) -> str:
    """Return the text to publish under SELECTOR._domainkey (RFC 6376 §3.6.1)."""
    return f"v=DKIM1; h=sha256; k=rsa; s=email; p={p}"


@lru_cache(maxsize=4096)
def load_private_key(encrypted: bytes) -> rsa.RSAPrivateKey:
    """Open and parse a signing key, once in the life of a process."""
    key = serialization.load_pem_private_key(
        vault.decrypt(encrypted),
        password=None,
        # The proof that p and q are prime takes 35 ms. We made the key ourselves, and the vault
        # has just shown that nobody changed it.
        unsafe_skip_rsa_key_validation=True,
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("A signing key must be an RSA key")
    return key
