"""The addresses that an account must not send to: put on, taken off, and asked at each claim."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from domains.addresses import split_address
from events.bulk import prepared
from events.models import Suppression


def normal_form(address: str) -> str:
    """Return an address as the list keeps it: in lower case, its domain as A-labels.

    Local parts may have case (RFC 5321 §2.4), but no large provider has mailboxes that differ in
    it. Raises AddressError.
    """
    local_part, domain = split_address(address)
    return f"{local_part.lower()}@{domain}"


def suppress(
    account: Account,
    address: str,
    reason: Suppression.Reason,
    *,
    note: str = "",
    message_id: UUID | None = None,
    expires_at: datetime | None = None,
) -> tuple[Suppression, bool]:
    """Put an address on the list, or renew what is there; return it, and whether it is new.

    Raises AddressError.
    """
    return Suppression.objects.update_or_create(
        account=account,
        address=normal_form(address),
        defaults={
            "reason": reason, "note": note, "message_id": message_id, "expires_at": expires_at,
        },
    )  # fmt: skip


def live(account: Account) -> "Q":
    """Return the condition for what is on an account's list at this moment."""
    return Q(account=account) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def suppressed(pairs: Iterable[tuple[int, str]]) -> Collection[tuple[int, str]]:
    """Return which of these (account id, address in normal form) are on a list, in one query."""
    pairs = list(pairs)
    with prepared() as cursor:
        cursor.execute(
            """
            SELECT s.account_id, s.address FROM events_suppression s
              JOIN unnest(%s::bigint[], %s::text[]) AS asked(account_id, address)
             USING (account_id, address)
             WHERE s.expires_at IS NULL OR s.expires_at > now()
            """,
            [[account for account, _ in pairs], [address for _, address in pairs]],
            prepare=True,
        )
        return {(row["account_id"], row["address"]) for row in cursor.fetchall()}
