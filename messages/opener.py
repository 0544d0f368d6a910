"""Open connections to the exchangers of a site: which host first, which is down, TLS or not."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable

from django.conf import settings

from messages import exchangers, transfer
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.smtp.client import Tls
from messages.smtp.client_events import LOOP
from messages.smtp.replies import Reply
from messages.transfer import ConnectFailed, Connection, Contact, Owner

# Addresses that are tried for one connection; of each host two at the least (RFC 5321 §5.1).
MAX_TRIES = 10
# Connections in a row that come to nothing before an exchanger counts as down.
MAX_FRUITLESS = 5
# Seconds that an exchanger which is down is passed over.
DOWN_FOR = 15
# Seconds that TLS is not offered again after a failed handshake (RFC 7435 §3: better in clear).
CLEAR_FOR = 3600


class Opener:
    """Knows the hosts of a site, and what was learnt about each the hard way."""

    def __init__(self, exchangers: Exchangers, directory: Directory) -> None:
        self._exchangers = exchangers
        self._directory = directory
        self._clear_until: dict[str, float] = {}
        self._down: dict[str, tuple[float, Reply]] = {}  # until when, and why
        self._fruitless: Counter[str] = Counter()

    @property
    def remembers_until(self) -> float:
        """Return when nothing that was learnt counts any more."""
        remembered = [*self._clear_until.values(), *(until for until, _ in self._down.values())]
        return max(remembered, default=0)

    async def open(
        self, owner: Owner, *, is_first: bool, works: Callable[[str], bool]
    ) -> Connection:
        """Connect to the best exchanger that answers. Raises ConnectFailed where none does.

        `works` says of a host whether another connection to it does. The first connection goes to
        the same host each time, so that a retry meets the server that had greylisted (delivery
        R4); more of them spread over the hosts.
        """
        failures = []
        plan = self._exchangers.plan()
        for host in self._settled(plan) if is_first else plan:
            try:
                return await self._connect_to_host(owner, host, is_first, works)
            except ConnectFailed as failure:
                failures.append(failure)
                if failure.reply.status == LOOP and not failure.reply.is_remote:
                    break  # who stands behind us in the list would pass it on to us
        raise _most_hopeful(failures)

    def _settled(self, plan: list[str]) -> list[str]:
        group = {host: rank for rank, hosts in enumerate(self._exchangers.groups) for host in hosts}
        return sorted(plan, key=lambda host: (group[host], _taste(host)))

    async def _connect_to_host(
        self, owner: Owner, host: str, is_first: bool, works: Callable[[str], bool]
    ) -> Connection:
        until, reply = self._down.get(host, (0, None))
        if reply and until > time.monotonic():
            raise ConnectFailed(reply, Contact(host))
        try:
            addresses = await self._directory.addresses(host)
        except Unreachable as error:
            raise ConnectFailed(error.reply, Contact(host)) from error
        failures = []
        # Many hosts with many addresses would keep one message for an hour.
        most = max(2, MAX_TRIES // len(self._exchangers.plan()))
        for address in (_by_taste(addresses) if is_first else addresses)[:most]:
            if await self._directory.is_ourselves(address):
                raise ConnectFailed(exchangers.loop(host), Contact(host, address))
            try:
                return await self._connect_to(owner, host, address)
            except ConnectFailed as failure:
                failures.append(failure)
        hope = _most_hopeful(failures)
        # Where another connection works, we are one too many, and it is not down.
        if hope.reply.is_transient and not works(host):
            self._note_down(host, hope.reply)
        raise hope

    async def _connect_to(self, owner: Owner, host: str, address: str) -> Connection:
        if self._exchangers.require_tls:
            return await transfer.connect(owner, host, address, Tls.REQUIRED)
        if self._clear_until.get(host, 0) > time.monotonic():
            return await transfer.connect(owner, host, address, Tls.NEVER)
        try:
            return await transfer.connect(owner, host, address)
        except ConnectFailed as failure:
            if failure.reply.status != transfer.TLS_FAILED:
                raise
            self._clear_until[host] = time.monotonic() + CLEAR_FOR
            return await transfer.connect(owner, host, address, Tls.NEVER)

    def _note_down(self, host: str, reply: Reply) -> None:
        self._down[host] = (time.monotonic() + DOWN_FOR, reply)

    def succeeded(self, host: str) -> None:
        """A host has decided on a message: it is up."""
        self._down.pop(host, None)
        self._fruitless.pop(host, None)

    def forgive(self) -> None:
        """Other workers are served: no host is down that had no room for us."""
        self._down.clear()

    def was_fruitless(self, host: str, reply: Reply) -> None:
        """A connection to a host has decided nothing before it went."""
        self._fruitless[host] += 1
        if self._fruitless[host] >= MAX_FRUITLESS:
            self._note_down(host, reply)


def _taste(name: str) -> bytes:
    """Return an order of hosts or addresses that is ours alone, and the same for ever."""
    return hashlib.sha256(f"{settings.OPERATOR_HOST} {name}".encode()).digest()


def _by_taste(addresses: list[str]) -> list[str]:
    """Return addresses in our order, those of the family that stood first before the others."""
    return sorted(addresses, key=lambda one: ((":" in one) != (":" in addresses[0]), _taste(one)))


def _most_hopeful(failures: list[ConnectFailed]) -> ConnectFailed:
    """Return the first failure that may pass: while there is one, nothing is final."""
    return next((one for one in failures if one.reply.is_transient), failures[-1])
