"""Claim a batch: make what is to be sent ready, and settle whoever is not to be asked about."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from accounts import allowance
from accounts.message_class import MessageClass
from domains.signing import Keyring
from events import suppressions
from events.models import Suppression
from events.reasons import Reason
from messages import outcomes, queue, simulated
from messages.models import State
from messages.outcomes import Result
from messages.outgoing import Composed, Unsendable, compose_all
from messages.queue import Claimed

# What the event of a suppressed recipient gives as its reason, and what pages say.
SUPPRESSED = {
    Suppression.Reason.BOUNCE: (Reason.PREVIOUS_BOUNCE, "An earlier message to it bounced"),
    Suppression.Reason.COMPLAINT: (
        Reason.PREVIOUS_COMPLAINT, "Its owner called an earlier message spam",
    ),
    Suppression.Reason.MANUAL: (Reason.SUPPRESSED, "You put it there"),
    Suppression.Reason.UNSUBSCRIBE: (Reason.UNSUBSCRIBED, "Its owner wants no more digests"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim has brought: recipients to send to, and those whose fate is known."""

    claimed: list[Claimed]
    composed: list[Composed]
    results: list[Result]
    shut_out: list[Claimed]  # for whom there is no place now


def take(
    message_class: MessageClass,
    limit: int,
    keyring: Keyring,
    *,
    crowding: Sequence[int] = (),
    is_closed: Callable[[Claimed], bool] = lambda one: False,
) -> Batch:
    """Claim up to `limit` due recipients of a class, and make ready what can be sent.

    None of the accounts that are `crowding`, by id; nothing is read or signed for whom it
    `is_closed`.
    """
    claimed = queue.claim(message_class, limit, crowding)
    known = {result.outcome.claimed.id: result for result in _known_fates(claimed)}
    left = [one for one in claimed if one.id not in known]
    shut_out = [one for one in left if is_closed(one)]
    to_send = [one for one in left if not is_closed(one)]
    composed = compose_all(to_send, keyring) if to_send else []
    unsent = [_unsent(one.claimed, one.problem) for one in composed if one.problem]
    results = [*known.values(), *unsent]
    _give_back(results)
    sent = [one for one in composed if one.transaction]
    return Batch(claimed, sent, results, shut_out)


def _known_fates(claimed: list[Claimed]) -> Iterator[Result]:
    """Judge the recipients that nobody is to be asked about: suppressed ones, and tests."""
    if not claimed:
        return
    on_lists = suppressions.suppressed(map(_listed, claimed))
    for one in claimed:
        if listed_for := on_lists.get(_listed(one)):
            reason, why = SUPPRESSED[listed_for]
            yield outcomes.blocked(one, reason, f"The address is on the suppression list. {why}")
        elif one.is_test:
            reply = simulated.reply_to(one.address, one.attempt_number)
            yield outcomes.simulated(one, reply, simulated.report_on(one.address))


def _unsent(one: Claimed, problem: Unsendable) -> Result:
    """Judge a recipient whose message must not leave as it is: it is held, for as long as it makes
    sense where only its sender could mend that.
    """
    if problem.reason and datetime.now(UTC) + outcomes.HELD_FOR >= one.expires_at:
        return outcomes.blocked(one, problem.reason, str(problem))
    return outcomes.held(one, str(problem))


def _give_back(results: Iterable[Result]) -> None:
    """Return the allowance that was taken for recipients to whom nothing is sent."""
    claimed = (one.outcome.claimed for one in results if one.outcome.state is State.BLOCKED)
    amounts = Counter(
        one.account_id
        for one in claimed
        if one.attempt_number == 1 and one.allowed_at and one.allowed_at.date() == allowance.today()
    )
    if amounts:
        allowance.give_back(amounts)


def _listed(one: Claimed) -> suppressions.Asked:
    """Return a recipient as suppression lists know it."""
    return one.account_id, one.listed_address, one.message_class
