"""Whatever a receiver does, at every step: receiver_matrix.txt says what follows.

Each row is played twice: to a site with this exchanger alone, and to one with a good second one.
"""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accounts.message_class import MessageClass
from messages import outcomes, transfer
from messages.jobs import Job
from messages.outcomes import Result
from messages.queue import Claimed
from messages.shaping.measures import DOWN
from messages.site import Site
from messages.smtp.client import Phase
from messages.tests.scripted import CLOSE, HANG, Act, ScriptedServer, Then
from messages.tests.sites_driver import CAROL, Desk, desk, run

TABLE = Path(__file__).with_name("receiver_matrix.txt")
STEPS = ("connect", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "dot")
WAYS = ("2xx", "4xx", "421", "5xx", "garbage", "close", "hang")
OTHERS = {"garbage": Act("<html>"), "close": CLOSE, "hang": HANG}


def rows() -> list[tuple[str, ...]]:
    """Return the rows of the table; its columns are parted by two spaces or more."""
    return [
        tuple(part.strip() for part in line.split("  ") if part.strip())
        for line in TABLE.read_text().splitlines()
        if line and not line.startswith("#")
    ]


def act_of(says: str) -> Act:
    if says in OTHERS:
        return OTHERS[says]
    return Act(says, Then.CLOSE if says.startswith("421") else Then.GO_ON)


def way_of(says: str) -> str:
    if says in OTHERS:
        return says
    return "421" if says.startswith("421") else f"{says[0]}xx"


def a_claim() -> Claimed:
    now = datetime.now(UTC)
    return Claimed(
        id=1, lease=1, message_id=uuid.uuid4(), account_id=1, message_class=MessageClass.STANDARD,
        accepted_at=now, address=CAROL, domain="example.net", attempt_number=1,
        retry_at=now + timedelta(minutes=1), sender_domain="example.com", message_id_header="<a@b>",
        tags=[], metadata={}, send_at=None, is_test=False, is_scanned=True, allowed_at=now,
        track_opens=False, track_clicks=False, offers_unsubscribe=False,
    )  # fmt: skip


def when(result: Result) -> str:
    """Say when it is tried again: "1 min" is the schedule's first step; "no": never."""
    due_at = result.outcome.due_at
    return f"{round((due_at - datetime.now(UTC)).total_seconds() / 60)} min" if due_at else "no"


def penalty(site: Site) -> str:
    """Say what the site is charged with."""
    if site.standing.measures.get(DOWN):
        return "down"
    if site._opener._clear_until:
        return "no TLS"
    return "counted" if site._opener._fruitless else "none"


async def send(alice: Desk) -> tuple[Job, Result]:
    [job] = alice.submit(CAROL)
    await alice.all_ended()
    return job, outcomes.of_attempt(a_claim(), job)


async def play(step: str, says: str, second: bool) -> tuple[str, ...]:
    """Return what comes of a message where a receiver says something at a step."""
    script = {step: [act_of(says)] * 9}
    if step == "EHLO":
        script["HELO"] = [act_of(says)] * 9
    offers = "PIPELINING STARTTLS" if step == "STARTTLS" else "PIPELINING"
    bad, good = ScriptedServer(lambda number: script, offers=offers), ScriptedServer()
    async with desk(bad, *[good] * second) as alice:
        job, result = await send(alice)
        [event] = result.events
        lines = [
            event.kind.value,
            when(result),
            penalty(alice.site),
            "yes" if result.suppression else "no",
            str(job.transaction.verdict),
        ]
        if second:
            lines = [f"{event.kind.value} by mx2" if good.recipients else "not asked"]
    assert not good.seen or good.recipients == [CAROL]
    return tuple(lines)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for phase in Phase:
        monkeypatch.setitem(transfer.PATIENCE, phase, 0.2)


@pytest.mark.parametrize(
    ("step", "says", "event", "again", "site", "suppressed", "second", "verdict"), rows()
)
def test_what_follows(step, says, event, again, site, suppressed, second, verdict):
    seen: list[tuple[str, ...]] = []

    async def scenario() -> None:
        seen.append(await play(step, says, second=False))
        seen.append(await play(step, says, second=True))

    run("uvloop", scenario())
    (*alone, said), (other,) = seen
    assert (*alone, other) == (event, again, site, suppressed, second)
    assert said.startswith(verdict)


def test_every_cell_of_the_matrix_is_there():
    cells = [(step, way_of(says)) for step, says, *_ in rows()]

    assert cells == [(step, way) for step in STEPS for way in WAYS]
