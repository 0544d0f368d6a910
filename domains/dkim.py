"""Sign messages by DKIM (RFC 6376, RFC 8301, RFC 8463), relaxed/relaxed.

Header fields and body in, one DKIM-Signature field out; it knows nothing of DNS or of keys at
rest. Bodies are only touched by calls that run in C: a loop over lines would cost more than RSA.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

# Signed once more often than they are present, so that nobody can add another one and have it
# shown in place of ours (RFC 6376 §8.15).
OVERSIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"reply-to",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"in-reply-to",
    b"references",
)

# Signed where they are present. A mailing list may add its own. List-Unsubscribe and its Post
# must be covered by a signature (RFC 8058 §4), and so must CFBL-Address (RFC 9477 §3.1).
SIGNED = (
    b"sender",
    b"list-id",
    b"list-help",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
    b"feedback-id",
    b"cfbl-address",
)

LISTED = frozenset(OVERSIGNED + SIGNED)

# Lines of 78 characters at the most (RFC 5322 §2.1.1), the space of the fold included.
LINE_LENGTH = 78
NAMES_OF_ONE_LINE = re.compile(rb".{1,%d}(?::|\Z)" % (LINE_LENGTH - 2))

PADDING = PKCS1v15()
HASH = SHA256()

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """One domain's right to sign: its name, the selector, and the key, parsed already."""

    domain: str  # an A-label: receivers ask the DNS for it as it stands
    selector: str
    private_key: PrivateKey

    @property
    def algorithm(self) -> bytes:
        """The a= tag."""
        is_rsa = isinstance(self.private_key, RSAPrivateKey)
        return b"rsa-sha256" if is_rsa else b"ed25519-sha256"

    def sign(self, fields: Sequence[bytes], body: bytes, *, timestamp: int) -> bytes:
        """Return the DKIM-Signature field, folded, to be put in front of the header.

        Fields are raw, each with its folding and its CRLF, in the order of the message; the
        body is everything behind the blank line.
        """
        return self.sign_header(fields, body_hash(body), timestamp=timestamp)

    def sign_header(self, fields: Sequence[bytes], hashed: bytes, *, timestamp: int) -> bytes:
        """Sign a header whose body was hashed before, by body_hash()."""
        names, data = signed_header(fields)
        unsigned = self._unsigned(names, hashed, timestamp)
        # The field itself comes last, with b= empty and without its CRLF (RFC 6376 §3.7). What
        # leaves is this very value with b= filled in: no second folding that could differ.
        data += canonical_field(b"dkim-signature", unsigned).removesuffix(b"\r\n")
        signature = b64encode(raw_signature(self.private_key, data))
        return b"DKIM-Signature:" + unsigned + fold_signature(signature) + b"\r\n"

    def _unsigned(self, names: list[bytes], hashed: bytes, timestamp: int) -> bytes:
        # No l=, which would let anyone append to the body (RFC 6376 §8.2), and no x=: a
        # signature must not run out while the message waits for its next attempt.
        return (
            b" v=1; a=%b; c=relaxed/relaxed;\r\n d=%b;\r\n s=%b; t=%d;\r\n h=%b;\r\n bh=%b;\r\n b="
        ) % (
            self.algorithm,
            self.domain.encode("ascii"),
            self.selector.encode("ascii"),
            timestamp,
            fold_names(names),
            hashed,
        )


def raw_signature(key: PrivateKey, data: bytes) -> bytes:
    """Sign the data that a signature covers."""
    if isinstance(key, RSAPrivateKey):
        return key.sign(data, PADDING, HASH)
    # Ed25519 signs the hash, which it hashes once more by itself (RFC 8463 §3).
    return key.sign(digest(data))


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


def body_hash(body: bytes) -> bytes:
    """Return the value of the bh= tag, which any number of signatures can share."""
    return b64encode(digest(canonical_body(body)))


def canonical_body(body: bytes) -> bytes:
    """Bring a body into its relaxed form (RFC 6376 §3.4.4)."""
    # With runs of white space reduced, a line ends in one space at the most.
    lines = single_spaced(body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    text = lines.rstrip(b"\r\n")
    # A CR or an LF that stands alone is no line end, and is part of the text.
    text += lines[len(text) :].replace(b"\r\n", b"\0").rstrip(b"\0").replace(b"\0", b"\r\n")
    # A body without text is the empty string; any other ends in one CRLF.
    return text + b"\r\n" if text else b""


def signed_header(fields: Sequence[bytes]) -> tuple[list[bytes], bytes]:
    """Choose the fields to sign. Return the names for h=, and the fields in canonical form."""
    present: dict[bytes, list[bytes]] = {}
    # Where a name stands several times, the last is signed first (RFC 6376 §5.4.2).
    for field in reversed(fields):
        name, _, value = field.partition(b":")
        name = name.rstrip(b" \t").lower()
        if name in LISTED:
            present.setdefault(name, []).append(canonical_field(name, value))

    names: list[bytes] = []
    chosen: list[bytes] = []
    for name in OVERSIGNED:
        found = present.get(name, [])
        names += [name] * (len(found) + 1)
        chosen += found
    for name in SIGNED:
        found = present.get(name, [])
        names += [name] * len(found)
        chosen += found
    return names, b"".join(chosen)


def canonical_field(name: bytes, value: bytes) -> bytes:
    """Bring a field into its relaxed form (RFC 6376 §3.4.2); the name is in lower case."""
    return name + b":" + single_spaced(value.replace(b"\r\n", b"")).strip(b" ") + b"\r\n"


def single_spaced(text: bytes) -> bytes:
    """Reduce each run of spaces and tabs to one space."""
    text = text.replace(b"\t", b" ")
    # Every turn halves the runs: ten megabytes of spaces take 24 turns, and most bodies none.
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def fold_names(names: list[bytes]) -> bytes:
    """Join the names for h=, folded behind colons (RFC 6376 §3.5)."""
    # The first line begins with " h=" instead of a space.
    first, *others = NAMES_OF_ONE_LINE.findall(b"--" + b":".join(names))
    return b"\r\n ".join([first[2:], *others])


def fold_signature(signature: bytes) -> bytes:
    """Fold the value of b=, where white space does not count (RFC 6376 §3.5)."""
    width = LINE_LENGTH - 4
    lines = (signature[at : at + width] for at in range(0, len(signature), width))
    return b"\r\n ".join(lines)
