"""The addresses that an account must not send to: put on, taken off, and asked at each claim."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.message_class import MessageClass
from accounts.models import Account
from domains.addresses import split_address
from events.bulk import dict_cursor
from events.models import Suppression

MAX_NOTE = 1000  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """What a customer wants to have on the list."""

    address: str  # in normal form
    reason: Suppression.Reason = Suppression.Reason.MANUAL
    note: str = ""
    expires_at: datetime | None = None  # None: never


@dataclass(frozen=True, slots=True)
class Put:
    """What became of entries, by address."""

    added: Collection[str]
    renewed: Collection[str]
    kept: Collection[str]  # a complaint stays as it is, whatever the customer says


@dataclass(frozen=True, slots=True)
class Learned:
    """An address that failed for ever or whose owner complained, and the message that showed it."""

    account_id: int
    address: str  # in normal form
    message_id: UUID
    note: str  # what its server said
    reason: Suppression.Reason = Suppression.Reason.BOUNCE


class ComplaintStays(Exception):
    """Somebody complained: only staff may take such an address off the list."""


def normal_form(address: str) -> str:
    """Return an address as the list keeps it: in lower case, its domain as A-labels.

    Local parts may have case (RFC 5321 §2.4), but no large provider has mailboxes that differ in
    it. Raises AddressError.
    """
    local_part, domain = split_address(address)
    return f"{local_part.lower()}@{domain}"


def put(account: Account, entries: Iterable[Entry]) -> Put:
    """Put many addresses on the list, or renew what is there, in one statement.

    A complaint that is on the list stays, as it could otherwise be made removable. Of entries for
    one address the last counts.
    """
    # Always in one order, so that two requests with the same addresses cannot deadlock.
    latest = {entry.address: entry for entry in entries}
    rows = [latest[address] for address in sorted(latest)]
    with dict_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_suppression AS s
                   (account_id, address, reason, note, expires_at, created_at)
            SELECT %s, *, now()
              FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[])
            ON CONFLICT (account_id, address) DO UPDATE
               SET reason = EXCLUDED.reason, note = EXCLUDED.note,
                   expires_at = EXCLUDED.expires_at,
                   message_id = CASE WHEN s.reason = EXCLUDED.reason THEN s.message_id END
             WHERE s.reason <> 'complaint' OR s.expires_at <= now()
            RETURNING address, xmax = 0 AS is_new
            """,
            [
                account.pk,
                [row.address for row in rows],
                [row.reason.value for row in rows],
                [row.note for row in rows],
                [row.expires_at for row in rows],
            ],
        )
        written = {row["address"]: row["is_new"] for row in cursor.fetchall()}
    return Put(
        added={address for address, is_new in written.items() if is_new},
        renewed={address for address, is_new in written.items() if not is_new},
        kept=latest.keys() - written.keys(),
    )


def unsubscribe(account_id: int, address: str, message_id: UUID) -> None:
    """Note that a recipient of a message wants no more digests. Who is on the list stays as he is.

    Raises AddressError.
    """
    with dict_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_suppression AS s
                   (account_id, address, reason, note, message_id, created_at)
            VALUES (%s, %s, 'unsubscribe', '', %s, now())
            ON CONFLICT (account_id, address) DO UPDATE
               SET reason = EXCLUDED.reason, note = EXCLUDED.note, expires_at = NULL,
                   message_id = EXCLUDED.message_id, created_at = EXCLUDED.created_at
             WHERE s.expires_at <= now()
            """,
            [account_id, normal_form(address), message_id],
        )


def remove(suppression: Suppression) -> None:
    """Take an address off the list. Raises ComplaintStays."""
    # In one statement: a complaint may come in at this very moment.
    deleted, _ = (
        Suppression.objects.filter(pk=suppression.pk)
        .exclude(reason=Suppression.Reason.COMPLAINT)
        .delete()
    )
    if not deleted and Suppression.objects.filter(pk=suppression.pk).exists():
        raise ComplaintStays("The recipient complained: only our staff can take the address off")


def live(account: Account) -> "Q":
    """Return the condition for what is on an account's list at this moment."""
    return Q(account=account) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


def put_learned(learned: Iterable[Learned]) -> None:
    """Put addresses on the lists of the accounts that wrote to them, in one statement.

    What is on a list stays as it is: a bounce adds nothing to it, and a customer's own entry is
    theirs. But a complaint weighs more than all else, and who had only unsubscribed from digests
    is on it for all mail now.
    """
    # Always in one order, so that two transactions with the same addresses cannot deadlock.
    weightiest = {
        (one.account_id, one.address): one
        for one in sorted(learned, key=lambda one: one.reason == Suppression.Reason.COMPLAINT)
    }
    rows = [weightiest[key] for key in sorted(weightiest)]
    if not rows:
        return
    with dict_cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_suppression AS s
                   (account_id, address, message_id, note, reason, created_at)
            SELECT one.*, now()
              FROM unnest(%s::bigint[], %s::text[], %s::uuid[], %s::text[], %s::text[])
                   AS one(account_id, address, message_id, note, reason)
             WHERE EXISTS (SELECT FROM accounts_account a WHERE a.id = one.account_id)
            ON CONFLICT (account_id, address) DO UPDATE
               SET reason = EXCLUDED.reason, note = EXCLUDED.note,
                   message_id = EXCLUDED.message_id, created_at = EXCLUDED.created_at,
                   expires_at = NULL
             WHERE s.expires_at <= now() OR s.reason = 'unsubscribe'
                OR (EXCLUDED.reason = 'complaint' AND s.reason <> 'complaint')
            """,
            [
                [one.account_id for one in rows],
                [one.address for one in rows],
                [one.message_id for one in rows],
                [one.note[:MAX_NOTE] for one in rows],
                [one.reason.value for one in rows],
            ],
        )


# Whose list it is, the address in normal form, and what is to be sent.
Asked = tuple[int, str, MessageClass]


def suppressed(asked: Iterable[Asked]) -> Mapping[Asked, Suppression.Reason]:
    """Return which of these must not be sent, and why, in one query.

    Who has unsubscribed gets no digests, and all other mail.
    """
    asked = list(asked)
    with dict_cursor() as cursor:
        cursor.execute(
            """
            SELECT s.account_id, s.address, s.reason FROM events_suppression s
              JOIN unnest(%s::bigint[], %s::text[]) AS asked(account_id, address)
             USING (account_id, address)
             WHERE s.expires_at IS NULL OR s.expires_at > now()
            """,
            [[account for account, _, _ in asked], [address for _, address, _ in asked]],
        )
        reasons = {
            (row["account_id"], row["address"]): Suppression.Reason(row["reason"])
            for row in cursor.fetchall()
        }
    return {
        one: reason
        for one in asked
        if (reason := reasons.get(one[:2])) and _forbids(reason, one[2])
    }


def _forbids(reason: Suppression.Reason, message_class: MessageClass) -> bool:
    if reason is Suppression.Reason.UNSUBSCRIBE:
        return message_class is MessageClass.DIGEST
    return True
