"""Answer a request with an `Idempotency-Key` once, and every copy of it with the same answer."""

import json
from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.allowance import seconds_to_reset
from accounts.rest.problems import Problem
from messages import idempotency
from messages.idempotency import Claim, ClaimLost, Replay
from messages.options import checked_key
from messages.refusals import Cause, Refused

Work = Callable[[Claim | None], Response]


def once(request: Request, account_id: int, endpoint: str, work: Work) -> Response:
    """Do the work of a request, or repeat what its first copy was answered. Raises Problem.

    `work` gets the claim, which it has to complete in the transaction that stores what it does.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return work(None)
    try:
        claimed = idempotency.claim(account_id, endpoint, checked_key(key), _print_of(request))
    except Refused as refused:
        raise problem_of(refused) from None
    if isinstance(claimed, Replay):
        status = claimed.response["status"]
        assert isinstance(status, int)
        headers = {"Idempotent-Replayed": "true"}
        return Response(claimed.response["body"], status, headers=headers)
    return _work_under(claimed, work)


def _print_of(request: Request) -> str:
    # The values and not the octets: another order of the fields is the same request.
    return idempotency.fingerprint(json.dumps(request.data, sort_keys=True).encode())


def _work_under(claim: Claim, work: Work) -> Response:
    """Do the work; a request that is not taken frees its key."""
    try:
        return work(claim)
    except ClaimLost:
        text = "Another request has taken over this idempotency key"
        raise problem_of(Refused(Cause.KEY_IN_FLIGHT, text)) from None
    except BaseException:
        idempotency.release(claim)
        raise


def problem_of(refused: Refused, errors: list[dict[str, str]] | None = None) -> Problem:
    """Return a refusal in the manner of REST."""
    manner, headers = refused.cause.value, dict[str, str]()
    if refused.cause in (Cause.VOLUME_LIMIT, Cause.SENDING_PAUSED):
        headers["Retry-After"] = str(seconds_to_reset())
    elif manner.http in (409, 429):
        headers["Retry-After"] = "1"
    pointer = refused.pointer if errors is None else ""
    return Problem(
        manner.http, refused.cause.slug, refused.reply.text, pointer, errors or [], headers,
        title=manner.title,
    )  # fmt: skip


def document(problem: Problem) -> dict[str, Any]:
    """Return what a batch says of one message that was not taken."""
    return {
        "status": problem.status_code,
        "title": problem.title,
        "detail": problem.text,
        "error": problem.text,
        "code": problem.code,
        "errors": problem.errors,
    }
