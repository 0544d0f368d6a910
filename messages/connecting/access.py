"""What an application must know to hand mail in: host, ports, names, and whom to trust."""

import hashlib
import re
import ssl
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Account, Credential, Scope
from domains.models import Domain
from messages import certificates

# What stands for a secret that is known to nobody but its application.
NO_SECRET = "YOUR-SECRET"
# An address that no language of our snippets would read as anything else.
PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Access:
    """All values that a snippet is filled in with. None needs escaping, in whatever language."""

    host: str
    ports: list[int]  # STARTTLS
    tls_ports: list[int]  # TLS from the start
    api_url: str  # without a slash at its end
    account_id: str
    username: str
    secret: str
    domain: str
    recipient: str
    has_ca: bool  # whether our own CA is to be trusted

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def sender(self) -> str:
        return f"hello@{self.domain}"

    @property
    def url(self) -> str:
        """All of it in one line, as many libraries take it."""
        return f"smtp://{self.username}:{self.secret}@{self.host}:{self.port}"


def of(
    request: HttpRequest, account: Account, credential: Credential | None, secret: str = NO_SECRET
) -> Access:
    """Return the values of an account, as whoever asks would use them."""
    names = sending_domains(account, credential)
    return replace(
        of_nobody(request),
        account_id=account.public_id,
        username=credential.username if credential else "YOUR-USER-NAME",
        secret=secret,
        domain=names[0] if names else "your-domain.example",
        recipient=recipient(str(request.user)),
    )


def usual(request: HttpRequest, account: Account) -> Access:
    """Return the values of an account with the credential that most likely is meant."""
    return of(request, account, usual_credential(account))


def of_nobody(request: HttpRequest) -> Access:
    """Return the values that hold for everybody, and words that stand for the others."""
    return Access(
        host=host(),
        ports=settings.SUBMISSION_PORTS,
        tls_ports=settings.SUBMISSION_TLS_PORTS,
        api_url=request.build_absolute_uri("/api/v0.1"),
        account_id="YOUR-ACCOUNT-ID",
        username="YOUR-USER-NAME",
        secret=NO_SECRET,
        domain="your-domain.example",
        recipient=recipient(""),
        has_ca=ca_pem() is not None,
    )


def host() -> str:
    """Return where the submission door is found."""
    return "localhost" if settings.DEVELOPMENT else settings.OPERATOR_HOST


def usual_credential(account: Account) -> Credential | None:
    """Return the credential that most likely is meant: the newest that may send, tests last."""
    live = account.credentials.filter(revoked_at=None, scopes__contains=[Scope.SEND])
    return live.order_by("is_test", "-created_at").first()


def sending_domains(account: Account, credential: Credential | None) -> list[str]:
    """Return the verified domains that a credential may send under."""
    verified = Domain.objects.filter(account=account, verified_at__isnull=False)
    if credential and credential.domains:
        verified = verified.filter(name__in=credential.domains)
    return list(verified.order_by("name").values_list("name", flat=True))


def recipient(address: str) -> str:
    """Return to whom a first message goes: to the reader, or to the simulator where it is all."""
    if settings.DEVELOPMENT:
        return "delivered@sim.test"
    return address if PLAIN_ADDRESS.fullmatch(address) else "you@example.net"


def ca_pem() -> bytes | None:
    """Return the certificate of our own CA, None where the operator brings certificates."""
    if settings.TLS_CERTIFICATE_FILE:
        return None
    try:
        return certificates.ca_file().read_bytes()
    except OSError:
        return None


def fingerprint(pem: bytes) -> str:
    """Return the SHA-256 of a certificate, as browsers and OpenSSL print it."""
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest().upper()
    return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
