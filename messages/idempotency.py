"""Let a request that comes twice take effect once: its key is claimed before any work.

A key belongs to an account and an endpoint, is kept for 24 hours with what was answered, and is
completed in the very transaction that stores the messages. A key whose holder died is free again
after a while; should that holder be alive after all, its transaction finds the token gone.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from messages.models import IdempotencyKey
from messages.refusals import Cause, Refused

KEEP_FOR = 24 * 3600  # seconds
# Seconds after which a holder that has not finished is taken for dead; no request lasts longer.
HOLD_FOR = 120


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer a request under a key."""

    account_id: int
    endpoint: str
    key: str
    token: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What the request was answered when it came first."""

    response: dict[str, object]


class ClaimLost(Exception):
    """Another request has taken over the key: nothing may be stored under it."""


def fingerprint(*parts: bytes) -> str:
    """Return a hash by which two requests are told apart."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def claim(account_id: int, endpoint: str, key: str, request: str) -> Claim | Replay:
    """Take a key for a request with this fingerprint, or return what that was answered before.

    Raises Refused where the key is held by a request that still runs, or stands for another one.
    """
    token = secrets.randbits(63)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO mail_idempotencykey AS kept
                   (account_id, endpoint, key, fingerprint, token, claimed_at)
            VALUES (%(account)s, %(endpoint)s, %(key)s, %(request)s, %(token)s, now())
            ON CONFLICT (account_id, endpoint, key) DO UPDATE
               SET fingerprint = EXCLUDED.fingerprint, token = EXCLUDED.token,
                   claimed_at = now(), response = NULL
             WHERE kept.claimed_at < now() - %(keep)s * interval '1 second'
                OR kept.response IS NULL
               AND kept.claimed_at < now() - %(hold)s * interval '1 second'
            """,
            {
                "account": account_id, "endpoint": endpoint, "key": key, "request": request,
                "token": token, "keep": KEEP_FOR, "hold": HOLD_FOR,
            },
        )  # fmt: skip
        if cursor.rowcount:
            return Claim(account_id, endpoint, key, token)
    return _known(account_id, endpoint, key, request)


def _known(account_id: int, endpoint: str, key: str, request: str) -> Replay:
    kept = IdempotencyKey.objects.filter(account=account_id, endpoint=endpoint, key=key).first()
    if kept is not None and kept.fingerprint != request:
        raise Refused(
            Cause.KEY_REUSED, "This idempotency key was used for another request; take a new one"
        )
    if kept is None or kept.response is None:
        # None kept: its holder was refused at this very moment. Once more, and it is free.
        raise Refused(
            Cause.KEY_IN_FLIGHT, "A request with this idempotency key is at work; ask again soon"
        )
    return Replay(kept.response)


def complete(answers: Sequence[tuple[Claim, dict[str, object]]]) -> None:
    """Keep what requests are answered, in the transaction that stores what they bring.

    Raises ClaimLost where one of the keys is no longer ours.
    """
    if not answers:
        return
    claims = [one for one, _ in answers]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE mail_idempotencykey kept SET response = done.response
              FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::jsonb[])
                AS done(account_id, endpoint, key, token, response)
             WHERE kept.account_id = done.account_id AND kept.endpoint = done.endpoint
               AND kept.key = done.key AND kept.token = done.token AND kept.response IS NULL
            """,
            [
                [one.account_id for one in claims],
                [one.endpoint for one in claims],
                [one.key for one in claims],
                [one.token for one in claims],
                [json.dumps(response) for _, response in answers],
            ],
        )
        if cursor.rowcount != len(answers):
            raise ClaimLost("An idempotency key was taken over")


def release(held: Claim) -> None:
    """Free a key whose request was not taken."""
    IdempotencyKey.objects.filter(
        account=held.account_id, endpoint=held.endpoint, key=held.key, token=held.token,
        response__isnull=True,
    ).delete()  # fmt: skip


def forget_old() -> int:
    """Delete keys whose time is over, and return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM mail_idempotencykey WHERE claimed_at < now() - %s * interval '1 second'",
            [KEEP_FOR],
        )
        return int(cursor.rowcount)
