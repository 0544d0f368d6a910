"""What stands behind the submission sessions of one process: log-ins, keys, commits, refusals."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from math import inf

from django.conf import settings
from django.db import Error, connection

from accounts import uses
from accounts.database import limited
from events.bulk import reconnecting
from events.doorbell import ring_soon
from messages import acceptance, idempotency
from messages.acceptance import Accepted, Answer
from messages.doorbell import BELLS
from messages.group_commit import GroupCommit
from messages.idempotency import Claim, Replay
from messages.listening import Listening
from messages.login import Logins
from messages.models import Refusal
from messages.pace import Pace
from messages.sender import Sender
from messages.spam import scanners

logger = logging.getLogger(__name__)

# Seconds that acceptance gathers longer under load; each client waits for its answer.
GATHER = 0.008
# Seconds between two notes of one credential's use, and credentials that are remembered for it.
NOTE_EVERY = uses.NOTE_EVERY.total_seconds()
MAX_NOTED = 10_000

Parcel = tuple[Accepted, Claim | None]  # a message, and the key that it came under


class Desk:
    """Asks and writes the database for all sessions, in threads that none of them waits in."""

    def __init__(self) -> None:
        self.logins = Logins()
        loop = asyncio.get_running_loop()
        self._listening = Listening(
            lambda account_id: loop.call_soon_threadsafe(self.logins.forget, account_id)
        )
        self.pace = Pace()
        self.scanner = scanners.configured()
        self.committer: GroupCommit[Parcel] = GroupCommit(self._store, "commit", GATHER)
        # For what is no commit: refusals, and the keys of messages that have one.
        self._clerk = ThreadPoolExecutor(1, "clerk")
        self._noted: dict[int, float] = {}  # credential: when its use was noted last

    def _store(self, batch: list[Parcel]) -> None:
        answers: list[Answer] = [(claim, {"id": str(one.id)}) for one, claim in batch if claim]
        with limited():
            acceptance.store([one for one, _ in batch], answers)
        ring_soon(BELLS[one.message_class] for one, _ in batch)

    async def claim(self, accepted: Accepted) -> Claim | Replay:
        """Take the key that a message came under. Raises Refused."""
        loop = asyncio.get_running_loop()
        claiming = loop.run_in_executor(self._clerk, _claim, accepted)
        return await asyncio.wait_for(claiming, settings.DATABASE_TIMEOUT)

    def release(self, claim: Claim) -> None:
        """Free the key of a message that could not be stored."""
        self._clerk.submit(reconnecting, idempotency.release, claim)

    def record(self, refusal: Refusal) -> "asyncio.Future[None]":
        """Keep a refusal for the customer to see; the future is done when it is kept, or late."""
        saving = asyncio.wrap_future(self._clerk.submit(_save, refusal))
        return asyncio.ensure_future(_in_time(saving))

    def note_use(self, sender: Sender, address: str, client_name: str) -> None:
        """Note that a sender is there, from where, and by which name; nobody waits for it."""
        now, known = time.monotonic(), sender.credential_id
        if known is None or now - self._noted.get(known, -inf) < NOTE_EVERY:
            return
        self._noted.pop(known, None)
        self._noted[known] = now
        if len(self._noted) > MAX_NOTED:
            del self._noted[next(iter(self._noted))]
        self._clerk.submit(_note, known, address, client_name)

    async def close(self) -> None:
        """Write what is there, and let go of the database."""
        await asyncio.to_thread(self._listening.close)
        await asyncio.to_thread(self.committer.close)
        self.logins.close()
        self._clerk.submit(connection.close)
        self._clerk.shutdown()


async def _in_time(saving: "asyncio.Future[None]") -> None:
    await asyncio.wait([saving], timeout=settings.DATABASE_TIMEOUT)


def _claim(accepted: Accepted) -> Claim | Replay:
    submission = accepted.submission
    # Not the octets: who tries again writes a new Date, and draws a new boundary.
    request = (submission.reverse_path, *sorted(submission.recipients), accepted.subject)
    return reconnecting(
        idempotency.claim,
        submission.sender.account_id,
        "smtp",
        accepted.options.idempotency_key,
        idempotency.fingerprint(*(part.encode() for part in request)),
    )


def _save(refusal: Refusal) -> None:
    try:
        reconnecting(refusal.save)
    except Error as error:
        logger.error("A refusal could not be written (%s): %s", refusal, error)
        connection.close()


def _note(credential_id: int, address: str, client_name: str) -> None:
    try:
        reconnecting(uses.note, credential_id, address, client_name)
    except Error as error:
        logger.warning("The use of a credential could not be noted: %s", error)
        connection.close()
