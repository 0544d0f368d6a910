"""Talk to one exchanger over one connection: the I/O around the client's side of SMTP."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from django.conf import settings

from messages import exchangers
from messages.smtp.client import (
    ClientSession,
    Phase,
    Ready,
    Settled,
    Tls,
    Transaction,
    UpgradeToTls,
)
from messages.smtp.client_events import Awaited, Event
from messages.smtp.replies import Reply
from messages.tls import unverified, verified

# The status of a reply of ours that says: in clear it may go (RFC 3463 §3.8).
TLS_FAILED = "4.7.5"

CONNECT_SECONDS = 30
TLS_SECONDS = 30
# Patience by phase (RFC 5321 §4.5.3.2). Giving up early costs nothing but at the final dot: there
# the message may have arrived, and a second copy would follow.
PATIENCE = {
    Phase.GREETING: 60,
    Phase.EHLO: 60,
    Phase.HELO: 60,
    Phase.STARTTLS: 60,
    Phase.RSET: 60,
    Phase.MAIL: 300,
    Phase.RCPT: 300,
    Phase.DATA: 120,
    Phase.DOT: 600,
}
# Octets a second that what we write may take to leave; that time comes on top of the patience.
SLOWEST = 10_000


@dataclass(slots=True)
class Contact:
    """An exchanger that we called, and all that happened before the first message."""

    exchanger: str
    address: str | None = None
    tls: str = ""  # the version of TLS, "" in clear text
    is_verified: bool = False  # the certificate is the exchanger's, as a policy asks
    dialogue: list[str] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)  # and the seconds of each


class ConnectFailed(Exception):
    """There is no usable connection to an exchanger. Carries the reply that says why."""

    def __init__(self, reply: Reply, contact: Contact) -> None:
        self.reply = reply
        self.contact = contact
        super().__init__(str(reply))


class Owner(Protocol):
    """Who holds a connection and gives it work."""

    def free(self, connection: "Connection") -> None:
        """The connection can begin a transaction; the first time, it is a new one."""

    def settled(self, connection: "Connection", transaction: Transaction) -> None:
        """The exchanger has decided on a transaction."""

    def lost(self, connection: "Connection", open_transactions: list[Transaction]) -> None:
        """The connection is gone, and leaves these transactions open."""


class Connection(asyncio.Protocol):
    """One connection to an exchanger, from the greeting to the end."""

    def __init__(
        self, owner: Owner, exchanger: str, address: str, tls: Tls, asked_at: float
    ) -> None:
        self.owner = owner
        self.exchanger = exchanger
        self.address = address
        self.opened_at = self.idle_since = asked_at
        self.is_fresh = True  # has begun nothing yet
        self.has_settled = False  # the exchanger has decided on a transaction, whatever it said
        self._loop = asyncio.get_running_loop()
        self._session = ClientSession(settings.OPERATOR_HOST, tls, time.monotonic)
        self._wants = tls
        self.contact = Contact(
            exchanger, address, dialogue=self._session.dialogue, phases=self._session.phases
        )
        self._transport: asyncio.Transport | None = None
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._upgrade: asyncio.Task[None] | None = None
        self.waits_since = time.monotonic()  # for the reply that is due
        self.deadline = self.waits_since + PATIENCE[Phase.GREETING]
        self._closing = False
        self._awaited: Awaited | None = None  # what the deadline is for
        self._corked = False  # gathers what one turn has to say into one packet

    async def greeted(self) -> None:
        """Wait until the exchanger takes transactions. Raises ConnectFailed."""
        while not self._greeted.done() and (left := self.deadline - time.monotonic()) > 0:
            await asyncio.wait([self._greeted], timeout=left)
        if not self._greeted.done():
            self.expire()
        await self._greeted

    @property
    def failure(self) -> Reply | None:
        """Why we gave up on the exchanger; None: we did not, or it just closed."""
        return self._session.unusable

    @property
    def can_begin(self) -> bool:
        return not self._closing and self._session.can_begin

    @property
    def is_idle(self) -> bool:
        return self.can_begin and self._session.phase is None

    @property
    def is_chained(self) -> bool:
        """Whether a transaction waits here for the answer to the final dot of another one."""
        return self._session.is_chained

    def withdraw_chained(self) -> list[Transaction]:
        """Begin nothing more, and return what waits behind a final dot: it can go elsewhere."""
        self._closing = True
        return self._session.withdraw_chained()

    def begin(self, transaction: Transaction) -> None:
        """Start a transaction, or settle at once one that this exchanger cannot take."""
        self.is_fresh = False
        impossible = self._session.begin(transaction)
        if not self._corked:
            self._flush()
        if impossible:
            self.owner.settled(self, transaction)

    def quit(self) -> None:
        """Say goodbye and close, without waiting for an answer to it."""
        if self._transport and self.is_idle:
            self._transport.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """Close the connection; what is open on it is lost."""
        self._begin_nothing()
        self._greeted.cancel()
        if self._transport:
            self._transport.close()

    def expire(self) -> None:
        """Close, because the exchanger did not answer in time."""
        phase = self._session.phase
        what = phase.value if phase else "us"
        status = TLS_FAILED if phase is Phase.STARTTLS else "4.4.2"
        self._handle(self._session.fail(Reply(451, status, f"No answer in time to {what}")))

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self._session.connected(self.opened_at)

    def data_received(self, data: bytes) -> None:
        self._corked = True
        for event in self._session.receive(data):
            self._handle(event)
        if self.can_begin:
            self.idle_since = time.monotonic()
            self.owner.free(self)
        self._corked = False
        self._flush()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Settled):
            self.has_settled = True
            self.owner.settled(self, event.transaction)
        elif isinstance(event, Ready):
            if not self._greeted.done():
                self._greeted.set_result(None)
        elif isinstance(event, UpgradeToTls):
            self._flush()
            self._upgrade = self._loop.create_task(self._start_tls())
        else:
            self._fail(event.reply)

    def connection_lost(self, error: Exception | None) -> None:
        self._begin_nothing()
        why = f"The connection was closed: {error}" if error else "The connection was closed"
        # Some accept the handshake and then close, because they did not like it after all.
        is_about_tls = self._upgrade or self._session.phase is Phase.STARTTLS
        self._disappoint(Reply(451, TLS_FAILED if is_about_tls else "4.4.2", why))
        self.owner.lost(self, self._session.abandon())

    def _flush(self) -> None:
        output = self._session.take_output()
        if output and self._transport and not self._transport.is_closing():
            self._transport.write(output)
        awaited = self._session.awaited
        # Part of a reply is no answer: who sends one octet a minute would never be late.
        if awaited and awaited is not self._awaited:
            self.waits_since = time.monotonic()
            self.deadline = self.waits_since + PATIENCE[awaited[0]] + len(output) / SLOWEST
        self._awaited = awaited

    def _disappoint(self, reply: Reply) -> None:
        """Tell whoever waits for the greeting that there is none, if somebody does."""
        if not self._greeted.done():
            self._greeted.set_exception(ConnectFailed(reply, self.contact))
            self._greeted.exception()  # or asyncio complains where nobody does

    def _fail(self, reply: Reply) -> None:
        self._disappoint(reply)
        self._begin_nothing()
        if self._transport:
            # Not close(): that would wait until the other side has read what we wrote.
            self._transport.abort()

    def _begin_nothing(self) -> None:
        self._closing = True
        if self._upgrade:
            self._upgrade.cancel()

    async def _start_tls(self) -> None:
        assert self._transport
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                verified() if self._wants is Tls.REQUIRED else unverified(),
                server_hostname=self.exchanger,
                ssl_handshake_timeout=TLS_SECONDS,
            )
        except (OSError, ValueError) as error:  # ValueError: TLS has no such host name
            self._fail(Reply(451, TLS_FAILED, f"TLS handshake failed: {error}"))
            return
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no common base
        self.contact.tls = self._transport.get_extra_info("ssl_object").version() or ""
        self.contact.is_verified = self._wants is Tls.REQUIRED
        self._session.tls_established()
        self._flush()


async def connect(owner: Owner, exchanger: str, address: str, tls: Tls = Tls.OFFERED) -> Connection:
    """Return a greeted connection to one address of an exchanger. Raises ConnectFailed."""
    if not exchangers.is_allowed(address):
        # Here, at the last moment: whatever led to it, DNS or our memory of it.
        reply = exchangers.not_public(exchanger, address)
        raise ConnectFailed(reply, Contact(exchanger, address))
    asked_at = time.monotonic()
    make: Callable[[], Connection] = lambda: Connection(owner, exchanger, address, tls, asked_at)  # noqa: E731
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(make, address, settings.EXCHANGER_PORT)
    except OSError as error:
        why = str(error) or "no answer in time"
        reply = Reply(451, "4.4.1", f"No connection to {exchanger}: {why}")
        phases = [("connect", time.monotonic() - asked_at)]
        raise ConnectFailed(reply, Contact(exchanger, address, phases=phases)) from error
    try:
        await connection.greeted()
    except asyncio.CancelledError:
        connection.close()
        raise
    return connection
