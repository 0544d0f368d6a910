"""A seat at a site: a slot that all workers count, and the connection in it."""

import time
from typing import Protocol

from messages.shaping.scope import Slot
from messages.smtp.client import Transaction
from messages.transfer import ConnectFailed, Connection

# Seconds a connection may serve: receivers dislike it for ever (delivery S8).
MAX_AGE = 300


class NoSlot(Exception):
    """No further connection may be opened now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no slot for {seconds} s")


class Refused(Exception):
    """A connection came to nothing. Says how many others there are at the site, of all workers."""

    def __init__(self, failure: ConnectFailed, others: int) -> None:
        self.reply = failure.reply
        self.contact = failure.contact
        self.others = others
        super().__init__(str(failure))


class Host(Protocol):
    """Where the seat stands."""

    def free(self, connection: Connection, seat: "Seat") -> None:
        """The connection can begin a transaction."""

    def settled(self, connection: Connection, transaction: Transaction) -> None:
        """The exchanger has decided on a transaction."""

    def lost(self, connection: Connection, open_transactions: list[Transaction]) -> None:
        """The connection is gone."""


class Seat:
    """Owns one connection, and tells the site what it reports."""

    def __init__(self, site: Host, slot: Slot) -> None:
        self.slot = slot
        self.begun = 0  # transactions
        self.is_retiring = False  # begins nothing more
        self._site = site

    def is_spent(self, connection: Connection, most: int | None) -> bool:
        """Say whether the connection has served long enough, or so many transactions."""
        if self.is_retiring or (most is not None and self.begun >= most):
            return True
        return time.monotonic() > connection.opened_at + MAX_AGE

    def retire(self, connection: Connection) -> None:
        """Begin nothing more, and go once nothing runs."""
        self.is_retiring = True
        if connection.is_idle:
            connection.quit()

    def free(self, connection: Connection) -> None:
        """The connection can begin a transaction; the first time, it is a new one."""
        self._site.free(connection, self)

    def settled(self, connection: Connection, transaction: Transaction) -> None:
        """The exchanger has decided on a transaction."""
        self._site.settled(connection, transaction)

    def lost(self, connection: Connection, open_transactions: list[Transaction]) -> None:
        """The connection is gone, and leaves these transactions open."""
        self._site.lost(connection, open_transactions)
