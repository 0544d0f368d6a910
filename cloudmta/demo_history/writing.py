"""Write a made-up month as the doors and the workers would have: by COPY, and with its tallies."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from accounts.models import Account, Credential
from cloudmta.demo_history import content, fates
from cloudmta.demo_history.fates import Fate, Happening, Try
from cloudmta.demo_history.mail import Letter
from events import ledger
from events.bulk import copy_rows
from events.identifiers import id_at
from events.models import Event, Kind, Suppression, Tally
from events.tallies import Sums
from messages import outcomes
from messages.acceptance import MESSAGE_COLUMNS
from messages.models import Attempt, Content, Door, Message, Recipient

RECIPIENT_COLUMNS = (
    "id", "message", "account", "message_class", "accepted_at", "address", "domain", "state",
    "due_at", "attempt_count", "allowed_at", "reply", "settled_at",
)  # fmt: skip
UNIQUE = {Kind.OPEN: Tally.UNIQUE_OPEN, Kind.CLICK: Tally.UNIQUE_CLICK}
# What is still open is tried when workers run, so it is addressed to the simulator.
STILL_TRIED = "softbounced+{0}@sim.test"
TLS = "TLSv1.3"
EXCHANGERS = [ip_address(f"192.0.2.{number}") for number in range(1, 41)]


@dataclass
class Month:
    """What is being written, and what must be remembered on the way."""

    account: Account
    credential: Credential
    domain: str
    now: datetime
    with_content_from: datetime  # contents of older messages are gone, as if by age
    chance: random.Random = field(default_factory=lambda: random.Random(42))
    # Addresses that must not be sent to: why, since when, by which message.
    suppressed: dict[str, tuple[bool, datetime, UUID]] = field(default_factory=dict)
    attempted: int = 0  # first attempts of the day that is written


@dataclass
class Rows:
    """The rows of one day."""

    messages: list[Sequence[object]] = field(default_factory=list)
    contents: list[Sequence[object]] = field(default_factory=list)
    recipients: list[Sequence[object]] = field(default_factory=list)
    attempts: list[Sequence[object]] = field(default_factory=list)
    events: list[Sequence[object]] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)


def write_day(month: Month, letters: Sequence[Letter]) -> None:
    """Write the letters of a day, and all that became of them since, in one transaction."""
    rows, ids = Rows(), iter(_recipient_ids(sum(len(one.recipients) for one in letters)))
    month.attempted = 0
    for letter in letters:
        _letter(month, rows, letter, ids)
    with transaction.atomic():
        copy_rows(Message, MESSAGE_COLUMNS, rows.messages)
        copy_rows(Content, ("message", "data"), rows.contents)
        copy_rows(Recipient, RECIPIENT_COLUMNS, rows.recipients)
        copy_rows(Attempt, outcomes.ATTEMPT_COLUMNS, rows.attempts)
        # Ids in order, or the index of them would be written all over.
        rows.events.sort(key=lambda row: str(row[0]))
        copy_rows(Event, ledger.COLUMNS, rows.events)
        rows.sums.write()


def _recipient_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('mail_recipient', 'id'))"
            " FROM generate_series(1, %s)",
            [count],
        )
        return [number for (number,) in cursor.fetchall()]


def _letter(month: Month, rows: Rows, letter: Letter, ids: Iterator[int]) -> None:
    stream, message_id = letter.stream, id_at(letter.at)
    sender = stream.sender.format(month.domain)
    sender_domain = sender.rpartition("@")[2].rstrip(">")
    header = f"<{message_id}@{sender_domain}>"
    facts = Facts(month, letter, message_id, sender_domain, header)
    told = [(address, _fate(month, letter, address, message_id)) for address in letter.recipients]
    addressed = [(_reachable(address, fate), fate) for address, fate in told]
    tags = list(stream.tags)
    rows.messages.append((
        message_id, month.account.pk, month.credential.pk,
        (Door.REST if stream.name in ("invoice", "weekly") else Door.SMTP).value,
        stream.message_class.value, sender.partition("<")[2].rstrip(">"), sender_domain, sender,
        letter.subject, header, tags, Jsonb({"customer": month.chance.randrange(10**6)}),
        month.chance.randrange(6_000, 38_000), letter.at, None, False,
        round(month.chance.random() * 2, 1), [], True, True, True, stream.is_digest,
    ))  # fmt: skip
    if letter.at >= month.with_content_from or any(fate.due_at for _, fate in addressed):
        data = content.of(letter, sender, [address for address, _ in addressed], header)
        rows.contents.append((message_id, data))
    destinations = [address.rpartition("@")[2] for address, _ in addressed]
    rows.sums.add(
        Tally.ACCEPTED, month.account.pk, letter.at, stream.message_class, tags, sender_domain,
        destinations,
    )  # fmt: skip
    for (address, fate), domain in zip(addressed, destinations, strict=True):
        _recipient(rows, facts, next(ids), address, domain, fate)


@dataclass(frozen=True, slots=True)
class Facts:
    """What rows of one message have in common."""

    month: Month
    letter: Letter
    message_id: UUID
    sender_domain: str
    header: str


def _fate(month: Month, letter: Letter, address: str, message_id: UUID) -> Fate:
    known = month.suppressed.get(address)
    if known and known[1] < letter.at:
        return fates.suppressed(letter.at + timedelta(seconds=0.4), known[0])
    stream = letter.stream
    fate = fates.fate_of(
        month.chance, address, letter.at, month.now, stream.opened, stream.clicked,
        letter.is_doubtful,
    )  # fmt: skip
    if fate.suppresses:
        last = fate.happenings[-1]
        month.suppressed[address] = last.kind is Kind.COMPLAINT, last.at, message_id
    return fate


def _reachable(address: str, fate: Fate) -> str:
    return STILL_TRIED.format(address.partition("@")[0]) if fate.due_at else address


def _recipient(
    rows: Rows, facts: Facts, number: int, address: str, domain: str, fate: Fate
) -> None:
    letter, month = facts.letter, facts.month
    is_tried = bool(fate.tries)
    month.attempted += is_tried
    rows.recipients.append((
        number, facts.message_id, month.account.pk, letter.stream.message_class.value, letter.at,
        address, domain, fate.state.value, fate.due_at, len(fate.tries),
        fate.tries[0].at if is_tried else None, fate.reply, fate.settled_at,
    ))  # fmt: skip
    exchanger = f"mx{1 + number % 2}.{domain}"
    for place, one in enumerate(fate.tries, 1):
        rows.attempts.append(_attempt(facts, number, place, one, address, exchanger))
    for happening in fate.happenings:
        rows.events.append(_event(rows.sums, facts, address, domain, happening, exchanger))


def _attempt(
    facts: Facts, recipient: int, place: int, one: Try, address: str, exchanger: str
) -> Sequence[object]:
    reply = fates.said(one.reply)
    dialogue = (
        f"C: MAIL FROM:<bounces+{facts.message_id.hex}@mta.{facts.sender_domain}>\n"
        f"S: 250 2.1.0 Sender ok\nC: RCPT TO:<{address}>\n"
    )
    has_content = one.reply in (fates.OK, fates.SPAM)
    dialogue += (
        f"S: 250 2.1.5 Recipient ok\nC: DATA\nS: 354 Go ahead\nC: .\nS: {reply}"
        if has_content
        else f"S: {reply}"
    )
    return (
        recipient, place, one.at, timedelta(seconds=one.seconds), exchanger,
        EXCHANGERS[recipient % len(EXCHANGERS)], TLS, False, reply, dialogue,
        _phases(one.seconds * 1000, has_content),
    )  # fmt: skip


def _phases(milliseconds: float, has_content: bool) -> str:
    """Share out the time of an attempt among the steps of its dialogue."""
    shares = {"MAIL": 0.1, "RCPT": 0.3} | ({"DATA": 0.1, "final dot": 0.5} if has_content else {})
    return ", ".join(f"{name} {milliseconds * share:.1f}" for name, share in shares.items())


def _event(
    sums: Sums, facts: Facts, address: str, domain: str, happening: Happening, exchanger: str
) -> Sequence[object]:
    account, stream = facts.month.account.pk, facts.letter.stream
    kinds: list[str] = [happening.kind]
    if happening.is_first:
        kinds.append(UNIQUE[happening.kind])
    for kind in kinds:
        sums.add(
            kind, account, happening.at, stream.message_class, stream.tags, facts.sender_domain,
            (domain,),
        )  # fmt: skip
    details = happening.details
    if "smtp_code" in details:
        details = details | {"mx": exchanger}
    if happening.kind is Kind.DELIVERY:
        waited = (happening.at - facts.letter.at).total_seconds()
        sums.add_time(account, happening.at, stream.message_class, waited)
    return (
        id_at(happening.at), account, facts.message_id, address, happening.kind.value,
        happening.at, Jsonb(details), list(stream.tags), Jsonb({}), facts.header, False,
    )  # fmt: skip


def suppressions(month: Month) -> None:
    """Put on the list who must not be sent to any more."""
    Suppression.objects.bulk_create(
        Suppression(
            account=month.account, address=address, message_id=message_id, created_at=at,
            reason=Suppression.Reason.COMPLAINT if is_complaint else Suppression.Reason.BOUNCE,
            note="" if is_complaint else fates.said(fates.NO_SUCH_USER),
        )
        for address, (is_complaint, at, message_id) in month.suppressed.items()
    )  # fmt: skip
