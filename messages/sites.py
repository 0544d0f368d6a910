"""A site, the exchangers that some domains share: who waits for it, and the connections to it."""

import asyncio
import math
import time
from collections import Counter, deque
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
# Connections in a row that come to nothing before an exchanger counts as down.
MAX_FRUITLESS = 5
# Seconds that an exchanger which is down is left alone: who waits for it meanwhile is told so.
DOWN_FOR = 15
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

    def begin_on(self, connection: Connection) -> None:
        """Begin the transaction, and note where."""
        self.started_at = datetime.now(UTC)
        self.exchanger = connection.exchanger
        self.address = connection.address
        self.tls = connection.tls
        connection.begin(self.transaction)

    def take_back(self) -> None:
        """Forget an attempt of which the exchanger took no notice."""
        self.returns += 1
        self.exchanger, self.address, self.tls = "", None, ""
        self.transaction.dialogue.clear()

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
        self._down: dict[str, tuple[float, Reply]] = {}  # until when, and why
        self._fruitless: Counter[str] = Counter()
        self._is_closed = False

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def is_unused(self) -> bool:
        if self.waiting or self._jobs or self._connections or self._opening:
            return False
        # What was learnt the hard way is not to be learnt again by the next message.
        remembered = [*self._clear_until.values(), *(until for until, _ in self._down.values())]
        return max(remembered, default=0) < time.monotonic()

    def submit(self, job: Job) -> None:
        """Put a job in line; its `done` is called when it ended."""
        self._waiting[job.message_class].append(job)

    def dispatch(self) -> None:
        """Give what waits to connections that are free, and open more where that is not enough."""
        for connection in [one for one in self._connections if one.is_idle]:
            self.free(connection)
        if self._is_closed:
            self.withdraw_waiting()
        if not self.waiting:
            return
        busy = len(self._connections) + len(self._opening)
        wanted = math.ceil(self.waiting / WAITING_PER_CONNECTION)
        for _ in range(min(wanted - len(self._opening), MAX_CONNECTIONS - busy)):
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

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
        """Close all connections, and hand back what they leave unbegun."""
        self._is_closed = True
        self.withdraw_waiting()
        for task in self._opening:
            task.cancel()
        for connection in list(self._connections):
            connection.quit()

    async def _open(self) -> None:
        """Connect to the best exchanger that answers. Raises ConnectFailed where none does."""
        failures = []
        for host in self.exchangers.plan():
            try:
                return await self._connect_to_host(host)
            except ConnectFailed as failure:
                failures.append(failure)
        raise _most_hopeful(failures)

    def _opened(self, task: asyncio.Task[None]) -> None:
        """Tell all who wait, if nobody is there to serve them and nobody will come."""
        self._opening.discard(task)
        failure = None if task.cancelled() else task.exception()
        if self._is_closed or self._connections or self._opening:
            return
        if failure is None:
            self.dispatch()  # the connection is lost already
        elif isinstance(failure, ConnectFailed):
            self._fail_waiting(failure.reply)
        else:
            self._fail_waiting(Reply(451, "4.3.0", "Delivery failed for a reason of our own"))
            raise failure

    async def _connect_to_host(self, host: str) -> None:
        until, reply = self._down.get(host, (0, None))
        if reply and until > time.monotonic():
            raise ConnectFailed(reply)
        try:
            addresses = await self._directory.addresses(host)
        except Unreachable as error:
            raise ConnectFailed(error.reply) from error
        failures = []
        for address in addresses:
            try:
                return await self._connect_to(host, address)
            except ConnectFailed as failure:
                failures.append(failure)
        hope = _most_hopeful(failures)
        if hope.reply.is_transient:
            self._note_down(host, hope.reply)
        raise hope

    def _note_down(self, host: str, reply: Reply) -> None:
        # Where another connection works, we are one too many, and it is not down.
        if not any(one.exchanger == host and one.has_settled for one in self._connections):
            self._down[host] = (time.monotonic() + DOWN_FOR, reply)

    async def _connect_to(self, host: str, address: str) -> None:
        use_tls = self._clear_until.get(host, 0) < time.monotonic()
        try:
            await transfer.connect(self, host, address, use_tls=use_tls)
        except ConnectFailed as failure:
            if failure.reply.status != transfer.TLS_FAILED or not use_tls:
                raise
            self._clear_until[host] = time.monotonic() + CLEAR_FOR
            await transfer.connect(self, host, address, use_tls=False)

    def _fail_waiting(self, reply: Reply) -> None:
        now = datetime.now(UTC)
        for line in self._waiting.values():
            while line:
                job = line.popleft()
                job.started_at = now
                job.finish(reply)

    # --- what connections report ---

    def free(self, connection: Connection) -> None:
        """Let a free connection begin what waits longest in the first class that waits."""
        self._connections.add(connection)
        if time.monotonic() > connection.opened_at + MAX_AGE:
            if connection.is_idle:
                connection.quit()
            return
        while connection.can_begin and (job := self._next()):
            self._jobs[job.transaction] = job
            job.begin_on(connection)

    def _next(self) -> Job | None:
        for line in self._waiting.values():
            if line:
                return line.popleft()
        return None

    def settled(self, connection: Connection, transaction: Transaction) -> None:
        self._down.pop(connection.exchanger, None)
        self._fruitless.pop(connection.exchanger, None)
        job = self._jobs.pop(transaction)
        assert transaction.verdict
        job.finish(transaction.verdict)

    def lost(self, connection: Connection, open_transactions: list[Transaction]) -> None:
        if connection not in self._connections:
            return  # it never came to anything, as whoever tried to open it is told
        self._connections.remove(connection)
        if not connection.has_settled:
            self._count_fruitless(connection, open_transactions)
        for transaction in reversed(open_transactions):
            self._abandon(self._jobs.pop(transaction))
        self.dispatch()

    def _count_fruitless(self, connection: Connection, left_open: list[Transaction]) -> None:
        reply = connection.failure or Reply(451, "4.4.2", "The exchanger closed the connection")
        if not left_open or left_open[0].verdict not in (None, reply):
            return  # it had no chance, or did decide before it went
        self._fruitless[connection.exchanger] += 1
        if self._fruitless[connection.exchanger] >= MAX_FRUITLESS:
            self._note_down(connection.exchanger, reply)

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
            job.take_back()
            self._waiting[job.message_class].appendleft(job)
        else:
            job.finish(Reply(451, "4.4.2", "The connection was lost before the message was sent"))


def _most_hopeful(failures: list[ConnectFailed]) -> ConnectFailed:
    """Return the first failure that may pass: while there is one, nothing is final."""
    return next((one for one in failures if one.reply.is_transient), failures[-1])
