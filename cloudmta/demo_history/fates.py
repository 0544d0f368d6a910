"""What becomes of a recipient in a made-up month: attempts, replies, events. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from events.models import Kind
from events.reasons import Reason
from messages.models import State

# For three hours, nine days ago, one provider took nothing: the charts show that as well.
OUTAGE_AT, OUTAGE_AGO, OUTAGE_HOURS = "freemail.example", timedelta(days=9), timedelta(hours=3)
SOFT = 0.02  # of first attempts that fail for now
# Of the last hours more wait for another attempt.
STILL_OPEN_FOR, STILL_OPEN = timedelta(hours=2), 0.06
INVALID, REFUSED, DOUBTFUL_INVALID = 0.006, 0.002, 0.31
COMPLAINED = 0.00025
REPORTED_LATER = 0.0006  # taken, and then a report comes home
RETRY_AFTER = (60, 300, 900, 1800, 3600, 7200)  # seconds, as docs/delivery.md has it

OK = (250, "2.0.0", "Ok: queued")
NO_SUCH_USER = (550, "5.1.1", "The email account that you tried to reach does not exist")
INACTIVE = (550, "5.2.1", "The account is disabled and does not take messages")
FULL = (452, "4.2.2", "The mailbox is over quota, try again later")
GREYLISTED = (450, "4.7.1", "Greylisted, please come back in a minute")
BROKEN = (451, "4.3.0", "Temporary server error. Please try again later")
SPAM = (554, "5.7.1", "This message looks like spam and was not taken")
LISTED = (550, "5.7.1", "Mail from your address is not accepted, see our postmaster page")
BOUNCES = ((NO_SUCH_USER, Reason.INVALID_ADDRESS), (INACTIVE, Reason.INACTIVE_MAILBOX))
BLOCKS = ((SPAM, Reason.SPAM_CONTENT), (LISTED, Reason.REPUTATION))
SOFTS = (
    (FULL, Reason.MAILBOX_FULL),
    (GREYLISTED, Reason.GREYLISTED),
    (BROKEN, Reason.SERVER_ERROR),
)

Reply = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt and the reply that it ended with."""

    at: datetime
    seconds: float
    reply: Reply


@dataclass(frozen=True, slots=True)
class Happening:
    """One event."""

    kind: Kind
    at: datetime
    details: dict[str, object]
    is_first: bool = False  # the first open or click


@dataclass(slots=True)
class Fate:
    """Where a recipient stands in the end, and what happened on the way."""

    state: State
    reply: str = ""
    settled_at: datetime | None = None
    due_at: datetime | None = None
    tries: list[Try] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    suppresses: bool = False


def suppressed(at: datetime, is_complaint: bool) -> Fate:
    """An address that is on the list already: nobody is asked."""
    why = (
        "Its owner called an earlier message spam"
        if is_complaint
        else "An earlier message to it bounced"
    )
    text = f"The address is on the suppression list. {why}"
    reason = Reason.PREVIOUS_COMPLAINT if is_complaint else Reason.PREVIOUS_BOUNCE
    details: dict[str, object] = {"reason": reason, "description": text}
    return Fate(State.BLOCKED, text, at, None, [], [Happening(Kind.BLOCKED, at, details)])


def fate_of(
    chance: random.Random, address: str, at: datetime, now: datetime,
    opened: float, clicked: float, is_doubtful: bool,
) -> Fate:  # fmt: skip
    """Try until a server says yes or no for good; what would be later than now is left out."""
    fate, due_at = Fate(State.QUEUED), at + timedelta(seconds=chance.lognormvariate(-0.9, 0.5))
    draw = chance.random()
    softs = _softs(chance, address, due_at, now)
    for number in range(len(RETRY_AFTER) * 4):
        if due_at > now:
            return _open(fate, due_at)
        seconds = min(chance.lognormvariate(-0.7, 0.7), 40.0)
        ended_at = due_at + timedelta(seconds=seconds)
        soft = next(softs, None)
        if soft is None:
            return _settled(
                chance, fate, Try(due_at, seconds, OK), draw, now, opened, clicked, is_doubtful
            )
        reply, reason = soft
        wait = RETRY_AFTER[min(number, len(RETRY_AFTER) - 1)] * (0.9 + 0.2 * chance.random())
        retry_at = ended_at + timedelta(seconds=wait)
        fate.tries.append(Try(due_at, seconds, reply))
        details = told(reply, number + 1) | {
            "reason": reason, "next_attempt_at": retry_at.isoformat()
        }  # fmt: skip
        fate.happenings.append(Happening(Kind.SOFT_BOUNCE, ended_at, details))
        due_at = retry_at
    raise AssertionError("An outage outlasts all attempts")


def _softs(
    chance: random.Random, address: str, at: datetime, now: datetime
) -> Iterator[tuple[Reply, Reason]]:
    """Return the failures that come before an answer."""
    began = (now - OUTAGE_AGO).replace(hour=13, minute=0, second=0, microsecond=0)
    if address.endswith(OUTAGE_AT) and began <= at < began + OUTAGE_HOURS:
        left = (began + OUTAGE_HOURS - at).total_seconds()
        for wait in (0, *RETRY_AFTER):
            if left <= 0:
                return
            yield BROKEN, Reason.SERVER_ERROR
            left -= wait
    elif now - at < STILL_OPEN_FOR and chance.random() < STILL_OPEN:
        yield from (chance.choice(SOFTS) for _ in range(10))
    elif chance.random() < SOFT:
        for _ in range(chance.choice((1, 1, 1, 2))):
            yield chance.choice(SOFTS)


def _open(fate: Fate, due_at: datetime) -> Fate:
    fate.due_at = due_at
    if fate.tries:
        fate.state, fate.reply = State.DEFERRED, said(fate.tries[-1].reply)
    return fate


def _settled(
    chance: random.Random, fate: Fate, last: Try, draw: float, now: datetime,
    opened: float, clicked: float, is_doubtful: bool,
) -> Fate:  # fmt: skip
    invalid = DOUBTFUL_INVALID if is_doubtful else INVALID
    if draw < invalid:
        return _refused(fate, last, Kind.BOUNCE, *chance.choice(BOUNCES))
    if draw < invalid + REFUSED:
        return _refused(fate, last, Kind.BLOCKED, *chance.choice(BLOCKS))
    at = _end(fate, last, State.DELIVERED)
    details = told(last.reply, len(fate.tries))
    fate.happenings.append(Happening(Kind.DELIVERY, at, details))
    later = [one for one in _afterwards(chance, at, opened, clicked) if one.at <= now]
    fate.happenings += later
    fate.suppresses = any(one.kind in (Kind.COMPLAINT, Kind.BOUNCE) for one in later)
    return fate


def _refused(fate: Fate, last: Try, kind: Kind, reply: Reply, reason: Reason) -> Fate:
    last = Try(last.at, last.seconds, reply)
    at = _end(fate, last, State.BOUNCED if kind is Kind.BOUNCE else State.BLOCKED)
    fate.happenings.append(Happening(kind, at, told(reply, len(fate.tries)) | {"reason": reason}))
    fate.suppresses = kind is Kind.BOUNCE
    return fate


def _end(fate: Fate, last: Try, state: State) -> datetime:
    fate.tries.append(last)
    fate.state, fate.reply = state, said(last.reply)
    fate.settled_at = last.at + timedelta(seconds=last.seconds)
    return fate.settled_at


def _afterwards(
    chance: random.Random, at: datetime, opened: float, clicked: float
) -> Iterator[Happening]:
    """Return what people and servers do with a message that has arrived."""
    if chance.random() < REPORTED_LATER:
        details: dict[str, object] = {
            "source": "report",
            "reason": Reason.INACTIVE_MAILBOX,
            "enhanced_code": "5.2.1",
            "smtp_response": INACTIVE[2],
        }
        yield Happening(Kind.BOUNCE, at + timedelta(minutes=7), details)
        return
    if chance.random() >= opened:
        return
    seen_at = at + timedelta(seconds=chance.lognormvariate(7.3, 1.8))
    seen = {"user_agent": "Mozilla/5.0", "is_prefetch": False, "is_first": True}
    yield Happening(Kind.OPEN, seen_at, seen, is_first=True)
    if chance.random() < 0.2:
        again = {"user_agent": "Mozilla/5.0", "is_prefetch": False, "is_first": False}
        yield Happening(Kind.OPEN, seen_at + timedelta(hours=5), again)
    if chance.random() < clicked / opened:
        clicks = seen | {"url": "https://shop.example/orders"}
        yield Happening(Kind.CLICK, seen_at + timedelta(seconds=20), clicks, is_first=True)
    if chance.random() < COMPLAINED / opened:
        report: dict[str, object] = {
            "source": "report",
            "reason": Reason.COMPLAINT,
            "reporter": "webmail.example",
        }
        yield Happening(Kind.COMPLAINT, seen_at + timedelta(seconds=90), report)


def told(reply: Reply, attempt: int) -> dict[str, object]:
    code, status, text = reply
    return {"smtp_code": code, "enhanced_code": status, "smtp_response": text, "attempt": attempt,
            "tls": "TLSv1.3"}  # fmt: skip


def said(reply: Reply) -> str:
    return " ".join(map(str, reply))
