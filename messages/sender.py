"""Who submits: a credential, its account, and the domains that it may send under."""

from dataclasses import dataclass

from accounts import authentication
from domains.models import Domain


@dataclass(frozen=True, slots=True)
class Sender:
    """All that the rules ask about a credential, read once and kept for some seconds."""

    username: str
    secret_hash: str
    credential_id: int
    account_id: int
    account_public_id: str
    max_message_size: int  # octets
    domains: frozenset[str]  # verified, as lower-case A-labels


def find(username: str) -> Sender | None:
    """Return the sender that logs in with a name, None where there is none."""
    credential = authentication.find_credential(username)
    if credential is None:
        return None
    account = credential.account
    verified = Domain.objects.filter(account=account, verified_at__isnull=False)
    return Sender(
        username=credential.username,
        secret_hash=credential.secret_hash,
        credential_id=credential.pk,
        account_id=account.pk,
        account_public_id=account.public_id,
        max_message_size=account.max_message_size,
        domains=frozenset(verified.values_list("name", flat=True)),
    )
