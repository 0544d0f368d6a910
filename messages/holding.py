"""Mail that waits for volume: held until the account's next day, or until staff allow more.

It comes due by itself at the change of the day (UTC). A look every some seconds lets go earlier
what may go earlier, and counts what is held, by which the doors know when it is too much.
"""

from collections import Counter
from collections.abc import Mapping

from django.db import connection

from accounts import allowance
from accounts.allowance import TOMORROW
from accounts.message_class import MessageClass
from accounts.models import Account
from accounts.volume import Standing

# When recipient `r` is due that must wait for the next day: in the order of acceptance, which is
# squeezed into the first minute of the day.
NEXT_DAY = (
    f"{TOMORROW} + greatest(r.accepted_at - ({TOMORROW} - interval '7 days'), interval '0') / 10000"
)

# Whether message `m` is neither counted nor stopped: a test, or mail of the product itself.
IS_FREE = "(m.is_test OR m.door = 'own')"

# Why a recipient is held: the account may not send this class at all, or has used its share.
REASON = """
    CASE WHEN is_stopped THEN 'Sending of this class is stopped; looked at again at 00:00 UTC'
         WHEN %(share)s = 100 THEN
             format('The daily volume of %%s recipients is used up; goes out after 00:00 UTC',
                    allowance)
         ELSE format('Of the daily volume of %%s recipients, the last %%s %%%% are kept for more '
                     'urgent mail; goes out after 00:00 UTC', allowance, 100 - %(share)s)
    END
"""

# Recipients that one statement holds or lets go: some 100 ms.
AT_ONCE = 10_000

# What waits for volume. A first attempt that has not been allowed, or a later one of an account
# that is stopped; other holds are for minutes.
WAITS = "state = 'held' AND (allowed_at IS NULL OR due_at > now() + interval '1 hour')"


def hold_rest(message_class: MessageClass, reasons: Mapping[int, str]) -> None:
    """Hold all that is due of accounts whose share was used up just now, by id with the reason."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE mail_recipient r SET state = 'held', due_at = {NEXT_DAY}, reply = rest.reason
              FROM (SELECT due.id, used_up.reason
                      FROM unnest(%s::bigint[], %s::text[]) AS used_up(account_id, reason)
                      JOIN mail_recipient due USING (account_id)
                      JOIN mail_message m ON m.id = due.message_id
                     WHERE due.message_class = %s AND due.due_at <= now() AND NOT {IS_FREE}
                       AND due.attempt_count = 0 AND due.allowed_at IS NULL
                     LIMIT %s FOR UPDATE OF due SKIP LOCKED) rest
             WHERE r.id = rest.id
            """,
            [list(reasons), list(reasons.values()), message_class.value, AT_ONCE],
        )


def look_after_held() -> None:
    """Let go what has volume again, and note of each account how much it has held."""
    waiting = _waiting()
    accounts = Account.objects.in_bulk({account_id for account_id, _ in waiting})
    for (account_id, message_class), _ in waiting.items():
        account = accounts.get(account_id)
        if account and (room := _room(account, message_class)) > 0:
            _let_go(account_id, message_class, min(room, AT_ONCE))
    _note(waiting, accounts)


def _waiting() -> Counter[tuple[int, MessageClass]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT account_id, message_class, count(*) FROM mail_recipient WHERE {WAITS}"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return Counter(
            {
                (account_id, MessageClass(message_class)): count
                for account_id, message_class, count in cursor.fetchall()
            }
        )


def _room(account: Account, message_class: MessageClass) -> int:
    """Return how many recipients of a class an account may begin with now."""
    if _is_stopped(account, message_class):
        return 0
    usage = allowance.usage(account)
    return usage.allowance * allowance.SHARE[message_class] // 100 - usage.used


def _is_stopped(account: Account, message_class: MessageClass) -> bool:
    standing = Standing(account.standing)
    return bool(account.suspended_for) or allowance.is_stopped(message_class, standing)


def _let_go(account_id: int, message_class: MessageClass, number: int) -> None:
    """Make the oldest due at once, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE mail_recipient r
               SET due_at = now() - least(now() - r.accepted_at, interval '7 days') / 10000
              FROM (SELECT id FROM mail_recipient
                     WHERE account_id = %s AND message_class = %s AND {WAITS} AND due_at > now()
                     ORDER BY accepted_at LIMIT %s FOR UPDATE SKIP LOCKED) oldest
             WHERE r.id = oldest.id
            """,
            [account_id, message_class.value, number],
        )


def _note(waiting: Counter[tuple[int, MessageClass]], accounts: Mapping[int, Account]) -> None:
    """Write down how much each account has waiting for volume, which the doors go by.

    What is stopped does not count: the doors put off such mail anyway, and priority, which goes
    on, must not wait for it.
    """
    held: Counter[int] = Counter()
    for (account_id, message_class), count in waiting.items():
        account = accounts.get(account_id)
        if account and not _is_stopped(account, message_class):
            held[account_id] += count
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_account a SET held = coalesce(counted.held, 0)
              FROM accounts_account b
              LEFT JOIN unnest(%s::bigint[], %s::bigint[]) AS counted(id, held) USING (id)
             WHERE a.id = b.id AND a.held <> coalesce(counted.held, 0)
            """,
            [list(held), list(held.values())],
        )
