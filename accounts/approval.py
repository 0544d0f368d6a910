"""More volume: a customer asks for it, staff decide once, and the account is told.

Approving sets the ceiling. The daily volume grows up to it by the plan, or jumps there where staff
say so. The first approval of an account ends its test mode.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts import allowance, notices, plan, staff_notices
from accounts.models import Account, AuditEntry, User
from accounts.volume import Notice, RampUpDecision, RampUpRequest, Standing

State = RampUpRequest.State
Verdict = RampUpDecision.Verdict
STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a member of staff wants to say to a request."""

    verdict: Verdict
    amount: int = 0  # recipients a day, where approved
    is_at_once: bool = False
    words: str = ""  # to the customer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, in a sentence for whoever clicked."""

    is_done: bool
    text: str


def ask(account: Account, who: str, amount: int, purpose: str, sources: str) -> RampUpRequest:
    """Put a request before staff; one that was pending is superseded."""
    with transaction.atomic():
        # One at a time: two clicks make one pending request.
        locked = Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        pending = RampUpRequest.objects.filter(account=locked, state=State.PENDING)
        pending.update(state=State.SUPERSEDED)
        request = RampUpRequest.objects.create(
            account=locked, asked_by=who, amount=amount, before=locked.ceiling,
            purpose=purpose, sources=sources,
        )  # fmt: skip
        staff_notices.tell_of_request(request)
        return request


def withdraw(account: Account, request_id: int) -> bool:
    """Take a request back. False: it is not pending any more, or not of this account."""
    pending = RampUpRequest.objects.filter(account=account, pk=request_id, state=State.PENDING)
    return pending.update(state=State.WITHDRAWN) == 1


def reply(account: Account, request_id: int, text: str) -> bool:
    """Answer the question of staff. False: nothing is asked any more."""
    asked = RampUpRequest.objects.filter(account=account, pk=request_id, state=State.PENDING)
    return asked.exclude(question="").update(answer=text) == 1


def decide(request_id: int, ruling: Ruling, user: User) -> Answer:
    """Write what staff say to a request, and let it take effect, if nobody was faster.

    The one way in which a request is decided: under the lock of its row, in one transaction with
    the account, the decision's own row, and the notice to the account.
    """
    with transaction.atomic():
        request = RampUpRequest.objects.select_for_update().get(pk=request_id)
        if request.state != State.PENDING:
            return Answer(False, _too_late(request))
        if ruling.verdict is Verdict.APPROVED and _needs_another(request, ruling, user):
            return _second(request, ruling, user)
        _write(request, ruling, user)
        if ruling.verdict is Verdict.APPROVED:
            return _approve(request, ruling)
        if ruling.verdict is Verdict.ASKED:
            return _ask_back(request, ruling)
        return _reject(request, ruling)


def _too_late(request: RampUpRequest) -> str:
    last = request.decisions.order_by("-id").first()
    if request.state in (State.APPROVED, State.REJECTED) and last:
        return f"Nothing was done: {last.who} has decided already ({request.state})."
    return f"Nothing was done: the request is {request.state}."


def _write(request: RampUpRequest, ruling: Ruling, user: User) -> None:
    RampUpDecision.objects.create(
        request=request, verdict=ruling.verdict, amount=ruling.amount,
        is_at_once=ruling.is_at_once, words=ruling.words, user=user, who=user.email,
    )  # fmt: skip


def _needs_another(request: RampUpRequest, ruling: Ruling, user: User) -> bool:
    """Whether so much volume takes two people, and nobody else has approved just this yet."""
    if ruling.amount <= settings.FOUR_EYES_ABOVE:
        return False
    same = request.decisions.filter(
        verdict=Verdict.SECONDED, amount=ruling.amount, is_at_once=ruling.is_at_once
    )
    return not same.exclude(user=user).exists()


def _second(request: RampUpRequest, ruling: Ruling, user: User) -> Answer:
    """Keep the first of two approvals; a second click of the same person adds nothing."""
    text = f"More than {settings.FOUR_EYES_ABOVE:,} a day takes two: somebody else must approve."
    mine = request.decisions.filter(verdict=Verdict.SECONDED, amount=ruling.amount, user=user)
    if mine.filter(is_at_once=ruling.is_at_once).exists():
        return Answer(False, f"You have approved it already. {text}")
    first = Ruling(Verdict.SECONDED, ruling.amount, ruling.is_at_once, ruling.words)
    _write(request, first, user)
    return Answer(True, f"Your approval is kept. {text}")


def _approve(request: RampUpRequest, ruling: Ruling) -> Answer:
    account = Account.objects.select_for_update(no_key=True).get(pk=request.account_id)
    was_test = account.is_test
    account.ceiling, account.is_test = ruling.amount, False
    highest = plan.stage_for(ruling.amount)
    account.stage = highest if ruling.is_at_once else min(account.stage, highest)
    account.save(update_fields=["is_test"])
    allowance.reckon(account)
    _close(request, State.APPROVED)
    _tell(request, account, ruling, was_test=was_test)
    return Answer(True, f"Approved: {ruling.amount:,} recipients a day for {account}.")


def _reject(request: RampUpRequest, ruling: Ruling) -> Answer:
    _close(request, State.REJECTED)
    _tell(request, request.account, ruling)
    return Answer(True, f"Refused, and {request.account} is told why.")


def _ask_back(request: RampUpRequest, ruling: Ruling) -> Answer:
    request.question, request.answer = ruling.words, ""
    request.save(update_fields=["question", "answer"])
    _tell(request, request.account, ruling)
    return Answer(True, f"{request.account} is asked. The request stays pending.")


def _close(request: RampUpRequest, state: RampUpRequest.State) -> None:
    request.state = state
    request.save(update_fields=["state"])
    # The members see what was decided; who of staff it was is in the decision's row.
    AuditEntry.objects.create(
        account=request.account, who=STAFF, verb=f"{state} the request for more volume",
        thing=f"{request.amount:,} recipients a day",
    )  # fmt: skip


def _tell(
    request: RampUpRequest, account: Account, ruling: Ruling, *, was_test: bool = False
) -> None:
    subject, text = letter(request, account, ruling, was_test=was_test)
    notices.tell(account, Notice.Kind.STAFF, subject, text)


def letter(
    request: RampUpRequest, account: Account, ruling: Ruling, *, was_test: bool
) -> tuple[str, str]:
    """Return the subject and the text of what an account is told of a ruling."""
    asked = f"On {request.asked_at:%d %B %Y} {request.asked_by} asked for"
    asked += f" {request.amount:,} recipients a day."
    match ruling.verdict:
        case Verdict.APPROVED | Verdict.SECONDED:
            parts = [asked, _granted(account, ruling)]
            if was_test:
                parts.append("Your account has left test mode: mail is delivered from now on.")
            subject = "Your request for more volume is approved"
        case Verdict.ASKED:
            parts = [asked, "Before we decide, please answer this on the page Volume:"]
            subject = "A question about your request for more volume"
        case _:
            parts = [asked, "We cannot grant it now."]
            subject = "Your request for more volume"
    return subject, "\n\n".join([*parts, ruling.words] if ruling.words else parts)


def _granted(account: Account, ruling: Ruling) -> str:
    if ruling.is_at_once:
        return f"From now on you may send to {ruling.amount:,} recipients a day."
    return (
        f"Your volume may grow up to {ruling.amount:,} recipients a day. It grows by a stage each"
        " day of which at least half was used, as long as bounces stay under 2 % and complaints"
        " under 0.1 %."
    )


def may_be_approved_in_bulk(request: RampUpRequest) -> bool:
    """Say whether a request is so usual that it may be approved with others at one click."""
    account = request.account
    return (
        request.state == State.PENDING
        and request.amount <= settings.BULK_APPROVAL_UP_TO
        and account.standing == Standing.GOOD
        and not account.suspended_for
        and not request.question
    )
