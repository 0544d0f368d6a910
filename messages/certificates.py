"""The certificate of our doors: the operator's, or one of our own CA, made at the first start."""

import fcntl
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

CA_LIFETIME = timedelta(days=3650)
# Apple's programs refuse server certificates that live longer than 825 days.
LIFETIME = timedelta(days=820)
RENEW_BEFORE = timedelta(days=90)
# Characters in a common name (RFC 5280, appendix A); the whole host stands in the alternative name.
MAX_COMMON_NAME = 64


def server_context() -> ssl.SSLContext:
    """Return the TLS context of our doors (TLS 1.2 or later, RFC 8314 §4.1)."""
    certificate, key = _files()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        raise ImproperlyConfigured(
            f"TLS_CERTIFICATE_FILE and TLS_KEY_FILE cannot be used ({certificate}, {key}): {error}"
        ) from error
    return context


def ca_file() -> Path:
    """Return where the certificate of our own CA lies, for clients to trust."""
    return settings.TLS_DIR / "ca.pem"


def certificate_file() -> Path:
    """Return where the certificate of our doors lies, made where it is ours to make."""
    return _files()[0]


def _files() -> tuple[Path, Path]:
    if bool(settings.TLS_CERTIFICATE_FILE) != bool(settings.TLS_KEY_FILE):
        raise ImproperlyConfigured("TLS_CERTIFICATE_FILE and TLS_KEY_FILE must be set together.")
    if settings.TLS_CERTIFICATE_FILE:
        return Path(settings.TLS_CERTIFICATE_FILE), Path(settings.TLS_KEY_FILE)
    try:
        return ensure_self_issued(settings.TLS_DIR)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The certificate of our own CA cannot be kept in {settings.TLS_DIR}: {error}"
        ) from error


def ensure_self_issued(directory: Path) -> tuple[Path, Path]:
    """Return certificate and key files of a directory, made where they are missing or run out."""
    directory.mkdir(parents=True, exist_ok=True)
    chain, key = directory / "server.pem", directory / "server.key"
    # Several doors start at once; one makes the files, the others find them.
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(chain, key, directory / "ca.pem"):
            ca, ca_key = _read_ca(directory) or _make_ca(directory)
            _issue(chain, key, ca, ca_key)
    return chain, key


def _is_current(chain: Path, key_file: Path, ca_file: Path) -> bool:
    """Whether the files are whole, belong together, and will do for a while."""
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        is_ours = chain.read_bytes().endswith(ca_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    if not is_ours or certificate.public_key() != key.public_key():
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    covers_host = settings.OPERATOR_HOST in names.get_values_for_type(x509.DNSName)
    return covers_host and certificate.not_valid_after_utc > datetime.now(UTC) + RENEW_BEFORE


CA = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _read_ca(directory: Path) -> CA | None:
    try:
        key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return certificate, key


def _make_ca(directory: Path) -> CA:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"CloudMTA CA of {settings.OPERATOR_HOST}")
    public_key = key.public_key()
    certificate = (
        _draft(name, name, public_key, CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(directory / "ca.key", key)
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _issue(
    chain: Path, key_file: Path, ca: x509.Certificate, ca_key: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    loopback = [x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1")]
    names = [x509.DNSName(one) for one in dict.fromkeys((settings.OPERATOR_HOST, "localhost"))]
    ca_identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _draft(_name(settings.OPERATOR_HOST), ca.subject, key.public_key(), LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([*names, *loopback]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_identifier),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    _write_key(key_file, key)
    pems = (one.public_bytes(serialization.Encoding.PEM) for one in (certificate, ca))
    chain.write_bytes(b"".join(pems))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:MAX_COMMON_NAME])])


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # a client's clock may be behind
        .not_valid_after(now + lifetime)
    )


def _key_usage(**granted: bool) -> x509.KeyUsage:
    usages = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{usage: granted.get(usage, False) for usage in usages})


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
