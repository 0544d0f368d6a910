"""What an attempt comes to: where the recipient stands after it, and the event that tells of it."""

import ipaddress
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import transaction

from events import ledger, suppressions
from events.bulk import copy_rows
from events.ledger import NewEvent
from events.models import Kind
from events.reasons import Reason
from events.suppressions import Learned
from messages import classifier, consequences, last_words, metrics, queue
from messages.classifier import Judgement
from messages.exchangers import Unreachable
from messages.jobs import Job, PutOff
from messages.models import Attempt, State
from messages.queue import Claimed, Outcome
from messages.reports import Report
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply

logger = logging.getLogger(__name__)

# A message of ours that must not leave as it is waits so long for somebody to mend the cause.
HELD_FOR = timedelta(minutes=15)
OUR_ERROR = "An error of ours; see the worker's log"
# After a reply that was lost the message may have arrived: a greater distance makes it likelier
# that the receiver, who knows its Message-ID, drops the second copy (RFC 1047).
RETRY_AFTER_DOUBT = timedelta(minutes=15)
# Until a domain that DNS does not know is looked for once more.
LOOK_AGAIN = timedelta(minutes=15)
# What a page or a webhook shows of a reply; some servers send pages.
MAX_REPLY = 1000

ATTEMPT_COLUMNS = (
    "recipient", "number", "started_at", "duration", "exchanger", "address", "tls",
    "is_verified", "reply", "dialogue", "phases",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """All that is written of one attempt, in one transaction."""

    outcome: Outcome
    attempt: tuple[object, ...] | None
    events: tuple[NewEvent, ...]
    suppression: Learned | None = None
    ends_in_silence: bool = False  # it expires, and the last words were ours


def of_attempt(claimed: Claimed, job: Job) -> Result:
    """Judge a finished job by its verdict."""
    reply, contact = job.transaction.verdict, job.contact
    assert reply and job.started_at and job.ended_at
    details: dict[str, object] = _reply_details(reply) | {
        "mx": contact.exchanger, "ip": contact.address, "tls": contact.tls,
        "tls_verified": contact.is_verified, "attempt": claimed.attempt_number,
    }  # fmt: skip
    if job.is_in_doubt:
        details["may_have_arrived"] = True
    attempt = (
        claimed.id,
        claimed.attempt_number,
        job.started_at,
        job.ended_at - job.started_at,
        contact.exchanger,
        ipaddress.ip_address(contact.address) if contact.address else None,
        contact.tls,
        contact.is_verified,
        _shown(reply),
        "\n".join(job.dialogue).replace("\x00", ""),
        ", ".join([f"{phase} {seconds * 1000:.1f}" for phase, seconds in job.phases]),
    )
    retry_at = claimed.retry_at
    if job.is_in_doubt:
        retry_at = max(retry_at, job.ended_at + RETRY_AFTER_DOUBT)
    # What no command of this message brought was said before the first of them.
    phase = job.transaction.decided_at or Phase.GREETING
    return _judged(claimed, reply, phase, job.ended_at, retry_at, details, attempt)


def without_attempt(claimed: Claimed, reply: Reply, retry_at: datetime | None = None) -> Result:
    """Judge a recipient for whom no exchanger could be found, or asked."""
    details = _reply_details(reply) | {"attempt": claimed.attempt_number}
    retry_at = retry_at or claimed.retry_at
    return _judged(claimed, reply, None, datetime.now(UTC), retry_at, details, None)


def unreachable(claimed: Claimed, failure: Unreachable) -> Result:
    """Judge a recipient whose domain names no exchanger; a missing one is looked for twice."""
    if failure.is_missing and claimed.attempt_number == 1:
        # A slip of a registrar looks like a domain that never was, and is mended soon.
        reply = Reply(450, "4.1.2", failure.reply.text)
        return without_attempt(claimed, reply, datetime.now(UTC) + LOOK_AGAIN)
    return without_attempt(claimed, failure.reply)


def simulated(claimed: Claimed, reply: Reply, report: Report | None) -> Result:
    """Judge a recipient in test mode by what a server would have said, and reported later."""
    now = datetime.now(UTC)
    details = _reply_details(reply) | {"attempt": claimed.attempt_number}
    attempt = (
        claimed.id, claimed.attempt_number, now, timedelta(0), "test mode", None, "",
        False, _shown(reply), "", "",
    )  # fmt: skip
    result = _judged(claimed, reply, Phase.RCPT, now, claimed.retry_at, details, attempt)
    if report is None:
        return result
    reported = _event(claimed, Kind(report.kind), now, consequences.details_of(report))
    return replace(result, events=(*result.events, reported))


def blocked(claimed: Claimed, reason: Reason, text: str) -> Result:
    """Give up on a recipient without a try."""
    now = datetime.now(UTC)
    outcome = Outcome(claimed, State.BLOCKED, claimed.attempt_number - 1, None, text, now)
    details: dict[str, object] = {"reason": reason, "description": text}
    return Result(outcome, None, (_event(claimed, Kind.BLOCKED, now, details),))


def held(claimed: Claimed, problem: str, wait: timedelta = HELD_FOR) -> Result:
    """Keep a recipient back for a reason of ours; no event, for nothing has happened yet."""
    return _not_tried(claimed, State.HELD, datetime.now(UTC) + wait, problem)


def given_back(claimed: Claimed) -> Result:
    """Let another worker have a recipient at once, for whom nothing was begun."""
    state = State.QUEUED if claimed.attempt_number == 1 else State.DEFERRED
    return _not_tried(claimed, state, datetime.now(UTC), "")


def put_off(claimed: Claimed, put_off: PutOff) -> Result:
    """Keep a recipient for later whose site takes nothing now; that is no attempt on it."""
    if put_off.due_at >= claimed.expires_at:
        reply = put_off.reply or Reply(451, "4.4.5", put_off.why)
        return without_attempt(claimed, reply, put_off.due_at)
    return _not_tried(claimed, State.DEFERRED, put_off.due_at, put_off.why[:MAX_REPLY])


def _not_tried(claimed: Claimed, state: State, due_at: datetime, why: str) -> Result:
    count = claimed.attempt_number - 1
    return Result(Outcome(claimed, state, count, due_at, why, None), None, ())


def _judged(
    claimed: Claimed,
    reply: Reply,
    phase: Phase | None,
    now: datetime,
    retry_at: datetime,
    details: dict[str, object],
    attempt: tuple[object, ...] | None,
) -> Result:
    judgement = None if reply.is_positive else classifier.of_reply(reply, phase)
    is_over = reply.is_permanent or retry_at >= claimed.expires_at
    state, kind = _fate(judgement, reply, is_over)
    is_final = state is not State.DEFERRED
    if judgement:
        # What the last server said is of more use than that we gave up, and stands beside it.
        is_expired = is_over and not reply.is_permanent
        details["reason"] = Reason.EXPIRED if is_expired else judgement.reason
    if not is_final:
        details["next_attempt_at"] = retry_at.isoformat()
    outcome = Outcome(
        claimed,
        state,
        claimed.attempt_number,
        None if is_final else retry_at,
        _shown(reply),
        now if is_final else None,
    )
    suppression = None
    if judgement and judgement.suppresses and not claimed.is_test:
        suppression = Learned(
            claimed.account_id, claimed.listed_address, claimed.message_id, _shown(reply)
        )
    is_silence = is_over and not (reply.is_permanent or reply.is_remote)
    events = (_event(claimed, kind, now, details),)
    return Result(outcome, attempt, events, suppression, is_silence)


def _fate(judgement: Judgement | None, reply: Reply, is_over: bool) -> tuple[State, Kind]:
    if judgement is None:
        return State.DELIVERED, Kind.DELIVERY
    if not is_over:
        return State.DEFERRED, Kind.SOFT_BOUNCE
    if reply.is_permanent and judgement.kind == "blocked":
        return State.BLOCKED, Kind.BLOCKED
    return State.BOUNCED, Kind.BOUNCE


def _reply_details(reply: Reply) -> dict[str, object]:
    text = reply.text.replace("\x00", "")[:MAX_REPLY]
    return {"smtp_code": reply.code, "enhanced_code": reply.status, "smtp_response": text}


def _shown(reply: Reply) -> str:
    return str(reply).replace("\x00", "")[:MAX_REPLY]


def _event(claimed: Claimed, kind: Kind, now: datetime, details: dict[str, object]) -> NewEvent:
    return NewEvent(
        kind=kind,
        account_id=claimed.account_id,
        message_id=claimed.message_id,
        recipient=claimed.address,
        destination=claimed.domain,
        sender_domain=claimed.sender_domain,
        message_class=claimed.message_class,
        timestamp=now,
        message_id_header=claimed.message_id_header,
        tags=claimed.tags,
        metadata=claimed.metadata,
        is_test=claimed.is_test,
        details=details,
        waited=_waited(claimed, now) if kind is Kind.DELIVERY else None,
    )


def _waited(claimed: Claimed, delivered_at: datetime) -> float:
    """Return the seconds from acceptance to delivery."""
    return (delivered_at - (claimed.send_at or claimed.accepted_at)).total_seconds()


def write(results: list[Result]) -> int:
    """Write what came of attempts, all in one transaction; return for how many it was too late.

    Too late is who has lost the lease: another worker holds the recipient, or has settled it.
    """
    results = _with_last_words(results)
    with transaction.atomic():
        ours = queue.settle([result.outcome for result in results])
        mine = [result for result in results if result.outcome.claimed.key in ours]
        copy_rows(Attempt, ATTEMPT_COLUMNS, (one.attempt for one in mine if one.attempt))
        ledger.record_all(event for one in mine for event in one.events)
        suppressions.put_learned(one.suppression for one in mine if one.suppression)
    too_late = len(results) - len(mine)
    metrics.LOST_LEASES.inc(too_late)
    _note([one for one in mine if not one.outcome.claimed.is_test])
    return too_late


def _with_last_words(results: list[Result]) -> list[Result]:
    """Let who expires in silence end with what a server had said before, if one did."""
    silent = [result.outcome.claimed.id for result in results if result.ends_in_silence]
    words = last_words.of(silent) if silent else {}
    if not words:
        return results
    return [
        _ending_with(result, words[result.outcome.claimed.id])
        if result.ends_in_silence and result.outcome.claimed.id in words
        else result
        for result in results
    ]


def _ending_with(result: Result, reply: Reply) -> Result:
    outcome = replace(result.outcome, reply=_shown(reply))
    [event] = result.events
    event = replace(event, details=event.details | _reply_details(reply))
    return replace(result, outcome=outcome, events=(event,))


def _note(results: list[Result]) -> None:
    """Count what came of attempts, and leave a line of each in the log."""
    for result in results:
        if not result.events:
            continue  # nothing has happened: it was held or put off
        outcome, claimed = result.outcome, result.outcome.claimed
        message_class = claimed.message_class.label
        metrics.ATTEMPTS.labels(message_class, outcome.state.value).inc()
        if result.attempt:
            duration = result.attempt[ATTEMPT_COLUMNS.index("duration")]
            assert isinstance(duration, timedelta)
            metrics.ATTEMPT_SECONDS.observe(duration.total_seconds())
        if outcome.state is State.DELIVERED and outcome.settled_at:
            waited = _waited(claimed, outcome.settled_at)
            metrics.DELIVERY_SECONDS.labels(message_class).observe(waited)
        facts = {
            "message_id": claimed.message_id,
            "recipient": claimed.address,
            "attempt": claimed.attempt_number,
            "state": outcome.state.value,
            "reply": outcome.reply,
        }
        logger.info("attempt", extra={"facts": facts})
