"""A site, the exchangers that some domains share: who waits for it, and the connections to it."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from accounts.message_class import MessageClass
from messages import transfer
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.smtp.client import Transaction
from messages.smtp.replies import Reply
from messages.transfer import ConnectFailed, Connection

# Connections of one worker to one site; big receivers allow about so many to one sender.
MAX_CONNECTIONS = 10
# A further connection is opened for so many that wait: fewer leave sooner over those there are.
WAITING_PER_CONNECTION = 20
# Seconds a connection may serve, and may stand idle: receivers dislike both in excess.
MAX_AGE, MAX_IDLE = 300, 5
# A transaction that a dying connection left unanswered is tried on another one at once, so often.
MAX_RETURNS = 2
# Seconds that TLS is not offered again after a failed handshake (RFC 7435 §3: better in clear).
CLEAR_FOR = 3600


@dataclass(slots=True, eq=False)
class Job:
    """A transaction on its way, and whom to tell how it ended."""

    transaction: Transaction
    message_class: MessageClass
    done: Callable[["Job"], None]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exchanger: str = ""
    address: str | None = None
    tls: str = ""
    returns: int = 0
    is_in_doubt: bool = False  # the reply to the final dot was lost
    is_withdrawn: bool = False  # it was never begun

    def finish(self, reply: Reply) -> None:
        """Settle with a reply, unless the exchanger has spoken already."""
        self.transaction.verdict = self.transaction.verdict or reply
        self.ended_at = datetime.now(UTC)
        self.done(self)


class Site:
    """The queue and the connections of one worker for one set of exchangers."""

    def __init__(self, exchangers: Exchangers, directory: Directory) -> None:
        self.exchangers = exchangers
        self._directory = directory
        # One line a class: the priority line is always served first.
        self._waiting: dict[MessageClass, deque[Job]] = {one: deque() for one in MessageClass}
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._jobs: dict[Transaction, Job] = {}
        self._clear_until: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def is_unused(self) -> bool:
        return not (self.waiting or self._jobs or self._connections or self._opening)

    def submit(self, job: Job) -> None:
        """Put a job in line; its `done` is called when it ended."""
        self._waiting[job.message_class].append(job)

    def dispatch(self) -> None:
        """Give what waits to connections that are free, and open more where that is not enough."""
        for connection in [one for one in self._connections if one.is_idle]:
            self.free(connection)
        if not self.waiting:
            return
        busy = len(self._connections) + len(self._opening)
        wanted = math.ceil(self.waiting / WAITING_PER_CONNECTION)
        for _ in range(min(wanted - len(self._opening), MAX_CONNECTIONS - busy)):
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def tick(self) -> None:
        """Close what stands idle, is too old, or has not answered in time. Called each second."""
        now = time.monotonic()
        for connection in list(self._connections):
            if connection.is_idle:
                if now > connection.idle_since + MAX_IDLE or now > connection.opened_at + MAX_AGE:
                    connection.quit()
            elif now > connection.deadline:
                connection.expire()

    def withdraw_waiting(self) -> None:
        """Hand back, unbegun, whatever still stands in line."""
        for line in self._waiting.values():
            while line:
                job = line.popleft()
                job.is_withdrawn = True
                job.done(job)

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._connections):
            connection.quit()

    async def _open(self) -> None:
        """Connect to the best exchanger that answers; where none does, all who wait are told."""
        try:
            connection = await self._connect()
        except ConnectFailed as failure:
            if not self._connections:
                self._fail_waiting(failure)
            return
        self._connections.add(connection)
        self.free(connection)

    async def _connect(self) -> Connection:
        failure = ConnectFailed(Reply(451, "4.4.1", "No exchanger has an address"))
        for host in self.exchangers.plan():
            try:
                addresses = await self._directory.addresses(host)
            except Unreachable as error:
                failure = ConnectFailed(error.reply)
                continue
            for address in addresses:
                try:
                    return await self._connect_to(host, address)
                except ConnectFailed as error:
                    failure = error
        raise failure

    async def _connect_to(self, host: str, address: str) -> Connection:
        use_tls = self._clear_until.get(host, 0) < time.monotonic()
        try:
            return await transfer.connect(self, host, address, use_tls=use_tls)
        except ConnectFailed as failure:
            if failure.reply.status != transfer.TLS_FAILED or not use_tls:
                raise
            self._clear_until[host] = time.monotonic() + CLEAR_FOR
            return await transfer.connect(self, host, address, use_tls=False)

    def _fail_waiting(self, failure: ConnectFailed) -> None:
        now = datetime.now(UTC)
        for line in self._waiting.values():
            while line:
                job = line.popleft()
                job.started_at = now
                job.finish(failure.reply)

    # --- what connections report ---

    def free(self, connection: Connection) -> None:
        """Let a free connection begin what waits longest in the first class that waits."""
        while connection.can_begin and (job := self._next()):
            job.started_at = datetime.now(UTC)
            job.exchanger = connection.exchanger
            job.address = connection.address
            job.tls = connection.tls
            self._jobs[job.transaction] = job
            connection.begin(job.transaction)

    def _next(self) -> Job | None:
        for line in self._waiting.values():
            if line:
                return line.popleft()
        return None

    def settled(self, connection: Connection, transaction: Transaction) -> None:
        job = self._jobs.pop(transaction)
        assert transaction.verdict
        job.finish(transaction.verdict)

    def lost(self, connection: Connection, open_transactions: list[Transaction]) -> None:
        self._connections.discard(connection)
        for transaction in open_transactions:
            self._abandon(self._jobs.pop(transaction))
        self.dispatch()

    def _abandon(self, job: Job) -> None:
        transaction = job.transaction
        if transaction.verdict:
            job.finish(transaction.verdict)
        elif transaction.content_sent:
            # It may have arrived (RFC 1047): no other exchanger is tried now.
            job.is_in_doubt = True
            job.finish(
                Reply(451, "4.4.2", "Connection lost after the final dot; it may have arrived")
            )
        elif job.returns < MAX_RETURNS:
            job.returns += 1
            transaction.dialogue.clear()
            self._waiting[job.message_class].appendleft(job)
        else:
            job.finish(Reply(451, "4.4.2", "The connection was lost before the message was sent"))
