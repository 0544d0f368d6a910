"""Who submits: a credential, its account, and the domains that it may send under."""

from dataclasses import dataclass, replace

from django.db import connection

from accounts import allowance, authentication, plan
from accounts.allowance import Usage
from accounts.models import Account, Credential, Scope

UNLIMITED = Usage(allowance=plan.HIGHEST)


@dataclass(frozen=True, slots=True)
class Sender:
    """All that the rules ask about a credential, read once and kept for some seconds."""

    username: str
    secret_hashes: tuple[str, ...]  # one; two during a rotation
    credential_id: int | None  # None: the product itself, or a member on a page
    account_id: int
    account_public_id: str
    max_message_size: int  # octets
    domains: frozenset[str]  # verified, as lower-case A-labels
    # Those of them under which opens and clicks are tracked, unless a message says otherwise.
    opens_tracked: frozenset[str] = frozenset()
    clicks_tracked: frozenset[str] = frozenset()
    only_domains: frozenset[str] = frozenset()  # the credential is limited to; none: to nothing
    may_send: bool = True
    is_test: bool = False  # all that it submits is simulated
    is_relay: bool = False  # splits long lists of recipients by itself
    suspended_for: str = ""
    messages_per_second: int | None = None
    volume: Usage = UNLIMITED


def find(username: str) -> Sender | None:
    """Return the sender that logs in with a name, None where there is none."""
    credential = authentication.find_credential(username)
    return of(credential) if credential else None


def of(credential: Credential) -> Sender:
    """Return what the rules ask about a credential and its account."""
    return replace(
        of_account(credential.account),
        username=credential.username,
        secret_hashes=authentication.live_hashes(credential),
        credential_id=credential.pk,
        only_domains=frozenset(credential.domains),
        may_send=Scope.SEND in credential.scopes,
        is_test=credential.account.is_test or credential.is_test,
        is_relay=credential.is_relay,
    )


def of_account(account: Account) -> Sender:
    """Return what the rules ask about an account of which a member sends without a credential."""
    domains = _verified_domains(account)
    return Sender(
        username="",
        secret_hashes=(),
        credential_id=None,
        account_id=account.pk,
        account_public_id=account.public_id,
        max_message_size=account.max_message_size,
        domains=frozenset(name for name, _, _ in domains),
        opens_tracked=frozenset(name for name, opens, _ in domains if opens),
        clicks_tracked=frozenset(name for name, _, clicks in domains if clicks),
        is_test=account.is_test,
        suspended_for=account.suspended_for,
        messages_per_second=account.messages_per_second,
        volume=allowance.usage(account),
    )


def _verified_domains(account: Account) -> list[tuple[str, bool, bool]]:
    """Return each domain with its switches for opens and clicks, or those of the account."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, coalesce(track_opens, %s), coalesce(track_clicks, %s)"
            "  FROM domains_domain WHERE account_id = %s AND verified_at IS NOT NULL",
            [account.track_opens, account.track_clicks, account.pk],
        )
        return cursor.fetchall()
