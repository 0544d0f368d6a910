"""The bounce door: take what other servers report of the mail that we sent them, by SMTP.

Mail is taken for the reverse-paths that we wrote and for nobody else, and the one who sends it has
nothing to prove: the token in the address is the proof that we asked for an answer.
"""

import asyncio
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from accounts.database import limited
from accounts.models import MEBIBYTE
from events.bulk import reconnecting
from messages import bounce_address, certificates, door, incoming
from messages.door import DoorSession, Listener
from messages.group_commit import GroupCommit
from messages.incoming import Standing
from messages.models import IncomingReport
from messages.smtp.replies import Reply
from messages.smtp.server import (
    Content,
    Data,
    Event,
    Mail,
    Malformed,
    Oversized,
    Rcpt,
    ServerConfig,
)

logger = logging.getLogger(__name__)

# A report quotes the message that it is about at the most, and most servers only its header.
MAX_SIZE = 2 * MEBIBYTE
# What one client may ask of us. The largest providers report from many addresses at once.
MAX_PER_ADDRESS = 50  # connections to one process
MAX_ERRORS = 10  # protocol errors
MAX_STRAYS = 20  # recipients that we do not know: after so many it is guessing
MAX_TRANSACTIONS = 200  # in one connection
# Seconds that a commit gathers longer under load.
GATHER = 0.008

SENDER_OK = Reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
START_CONTENT = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
TAKEN = Reply(250, "2.0.0", "Report received")
UNKNOWN = Reply(550, "5.1.1", "No such address here")
SATURATED = Reply(550, "5.7.1", "Too many reports for this address")
# Each report is for one of our recipients. Whoever has several sends several.
ONE_RECIPIENT = Reply(452, "4.5.3", "One recipient for each message, please")
TOO_MANY_STRAYS = Reply(421, "4.7.0", "Too many unknown recipients")
TOO_MANY_TRANSACTIONS = Reply(421, "4.7.0", "Too many messages, use another connection")
TOO_BIG = Reply(552, "5.3.4", f"Message too big (limit {MAX_SIZE} bytes)")


class BounceDoor:
    """The open port of one process, and what its sessions share."""

    def __init__(self) -> None:
        self.listener = Listener(
            ServerConfig(
                hostname=settings.OPERATOR_HOST,
                max_size=MAX_SIZE,
                max_line=None,  # it is read here and goes nowhere
                max_errors=MAX_ERRORS,
                starttls=True,
            ),
            _tls_context(),
            max_per_address=MAX_PER_ADDRESS,
        )
        # To store a report twice does no harm, so a connection that died may be replaced at once.
        self._committer: GroupCommit[IncomingReport] = GroupCommit(_store, "commit", GATHER)
        self._clerk = ThreadPoolExecutor(1, "clerk")

    async def open(self, host: str, port: int) -> None:
        """Open the port. Raises OSError."""
        await self.listener.listen(lambda tls: BounceSession(self, tls=tls), host, port, tls=False)

    async def standing(self, recipient_id: int, domain: str) -> Standing:
        """Ask whether a report for a recipient may come in under a domain."""
        loop = asyncio.get_running_loop()
        asking = loop.run_in_executor(
            self._clerk, reconnecting, incoming.standing, recipient_id, domain
        )
        return await asyncio.wait_for(asking, settings.DATABASE_TIMEOUT)

    def store(self, report: IncomingReport) -> "asyncio.Future[None]":
        """Return a future that is done when a report is committed."""
        return self._committer.put(report)

    async def close(self) -> None:
        """Let reports that are on their way come in, then end."""
        await self.listener.close()
        await asyncio.to_thread(self._committer.close)
        self._clerk.submit(connection.close)
        self._clerk.shutdown()


def _store(reports: list[IncomingReport]) -> None:
    with limited():
        reconnecting(incoming.store, reports)


def _tls_context() -> ssl.SSLContext:
    context = certificates.server_context()
    # Microsoft's servers break off where a server hands out session tickets.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    return context


class BounceSession(DoorSession):
    """One server that reports."""

    def __init__(self, bounce_door: BounceDoor, *, tls: bool) -> None:
        super().__init__(bounce_door.listener, tls=tls)
        self._door = bounce_door
        self._transactions = 0
        self._strays = 0
        self._recipient_id = 0  # of the transaction, once it has one
        self._work: asyncio.Task[None] | None = None

    def answer(self, event: Event) -> None:
        match event:
            case Mail():
                self._begin()
            case Rcpt():
                self._add_recipient(event.forward_path)
            case Data():
                has_room = self.listener.held <= door.MAX_HELD
                self.respond(START_CONTENT if has_room else door.NO_ROOM)
            case Content():
                self._store(event.data)
            case Oversized():
                self.respond(TOO_BIG)
            case Malformed():
                self.respond(event.reply)

    def _begin(self) -> None:
        self._transactions += 1
        is_enough = self._transactions > MAX_TRANSACTIONS
        self.respond(TOO_MANY_TRANSACTIONS if is_enough else SENDER_OK)

    def _add_recipient(self, address: str) -> None:
        recipient_id = bounce_address.read(address)
        if recipient_id is None:
            self._refuse_stray()  # which costs no question to the database
        elif self.smtp.recipients:
            self.respond(ONE_RECIPIENT)
        else:
            domain = address.rpartition("@")[2]
            self._work = asyncio.create_task(self._look_up(recipient_id, domain))

    def _refuse_stray(self) -> None:
        self._strays += 1
        self.respond(TOO_MANY_STRAYS if self._strays > MAX_STRAYS else UNKNOWN)

    async def _look_up(self, recipient_id: int, domain: str) -> None:
        try:
            standing = await self._door.standing(recipient_id, domain)
        except Exception:
            logger.exception("A recipient could not be looked up")
            self.respond(door.OUR_FAULT)
            return
        match standing:
            case Standing.UNKNOWN:
                self._refuse_stray()
            case Standing.SATURATED:
                self.respond(SATURATED)
            case Standing.WELCOME:
                self.is_stranger, self._recipient_id = False, recipient_id
                self.respond(RECIPIENT_OK)

    def _store(self, content: bytes) -> None:
        report = incoming.received(
            self._recipient_id, self.smtp.reverse_path or "", self.address or None, content
        )
        self._door.store(report).add_done_callback(self._stored)

    def _stored(self, future: "asyncio.Future[None]") -> None:
        self.respond(door.OUR_FAULT if future.exception() else TAKEN)
