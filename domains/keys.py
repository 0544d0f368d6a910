"""Make and keep DKIM signing keys: RSA-2048 (RFC 8301 §3.2) or Ed25519, encrypted at rest."""

import secrets
from base64 import b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from accounts import vault
from domains import dkim
from domains.dkim import PrivateKey, Signer
from domains.models import Algorithm

KEY_SIZE = 2048  # bits; more would not fit in one UDP answer, and signs seven times slower


class KeyUnfit(Exception):
    """A private key is not the other half of the public key that was published, or is missing."""


def generate(algorithm: str = Algorithm.RSA) -> tuple[bytes, str]:
    """Return a new private key (PEM, still to be encrypted) and its public half for p=."""
    key: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm == Algorithm.ED25519
        else rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)
    )
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private_pem, public_half(key)


def public_half(key: PrivateKey) -> str:
    """Return the p= tag of a key: Base64 of what RFC 6376 §3.6.1 or RFC 8463 §4.2 wants."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        octets = public.public_bytes_raw()
    else:
        octets = public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    return b64encode(octets).decode("ascii")


def new_selector() -> str:
    """Return a selector that no other key of the domain has."""
    return secrets.token_hex(5) + "cm"


def dkim_record(p: str, algorithm: str = Algorithm.RSA) -> str:
    """Return the text to publish under SELECTOR._domainkey (RFC 6376 §3.6.1)."""
    kind = "ed25519" if algorithm == Algorithm.ED25519 else "rsa"
    return f"v=DKIM1; h=sha256; k={kind}; s=email; p={p}"


def record_of(signer: Signer) -> str:
    """Return the text to publish for a signer."""
    return dkim_record(public_half(signer.private_key), signer.algorithm.decode("ascii"))


@lru_cache(maxsize=4096)
def load_private_key(encrypted: bytes, public_key: str) -> PrivateKey:
    """Open and parse a signing key, and prove that it works, once in the life of a process.

    Raises vault.KeyUnreadable, and KeyUnfit where what it signs would not verify.
    """
    key = parse(vault.decrypt(encrypted))
    if public_half(key) != public_key or not _verifies(key):
        raise KeyUnfit("The private key does not fit the public key that was published")
    return key


def parse(private_pem: bytes) -> PrivateKey:
    """Return a private key of ours. Raises ValueError or TypeError."""
    key = serialization.load_pem_private_key(
        private_pem,
        password=None,
        # The proof that p and q are prime takes 35 ms. We made the key ourselves, and the vault
        # has just shown that nobody changed it.
        unsafe_skip_rsa_key_validation=True,
    )
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("A signing key must be an RSA or an Ed25519 key")
    return key


def _verifies(key: PrivateKey) -> bool:
    """Sign something, and see whether the public half finds it good."""
    data = b"a signature is checked once for each key\r\n"
    signature, public = dkim.raw_signature(key, data), key.public_key()
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, dkim.digest(data))
        else:
            public.verify(signature, data, dkim.PADDING, dkim.HASH)
    except InvalidSignature:
        return False
    return True
