"""Make a throw-away certificate (RFC 5280), signed by nobody but itself, for STARTTLS."""

import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FOR = timedelta(days=30)
# Clocks of two machines differ; a certificate of this second may be one of the future there.
BACKDATED_BY = timedelta(hours=1)


def server_context(hosts: Sequence[str]) -> ssl.SSLContext:
    """Return a context that speaks for some hosts, with a key that nobody keeps."""
    # ECDSA, as its handshake costs the server a fraction of what RSA's does.
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(hosts, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "certificate.pem")  # ssl reads files only
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context


def self_signed(hosts: Sequence[str], key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a certificate for some hosts, signed with its own key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED_BY)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False)
        .sign(key, hashes.SHA256())
    )
