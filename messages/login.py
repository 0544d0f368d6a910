"""Log-ins at the submission door: senders kept for some seconds, and a brake on guessing."""

import asyncio
import logging
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from accounts import authentication, database
from domains.addresses import excerpt
from events.bulk import reconnecting
from messages import sender
from messages.sender import Sender
from messages.smtp.replies import Reply

logger = logging.getLogger(__name__)

ACCEPTED = Reply(235, "2.7.0", "Authentication successful")
INVALID = Reply(535, "5.7.8", "Authentication credentials invalid")
UNAVAILABLE = Reply(454, "4.7.0", "Temporary authentication failure")

# Seconds that a sender is believed: so soon a revoked credential or a new domain takes effect.
KEEP_FOR = 5
MAX_KEPT = 10_000
# Seconds before the answer to a failed log-in: doubled by each failure of the same address or
# name, forgotten when there was none for a while.
FIRST_DELAY, LONGEST_DELAY, FORGET_AFTER = 1, 30, 900
# Characters of a name that are looked at and remembered: strangers may send 9,000, and those that
# we give have 16.
LONGEST_NAME = 64
# Stands in for the hashes of a name that does not exist, so that both take the same time.
NOBODY = (authentication.hash_secret(""),)


class Logins:
    """Answers AUTH for all sessions of one process."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, tuple[float, Sender | None]] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._database = ThreadPoolExecutor(1, "login")

    async def log_in(
        self, username: str, password: str, address: str
    ) -> tuple[Reply, Sender | None]:
        """Return the answer to a log-in, after a delay where it fails, and the sender."""
        username = username[:LONGEST_NAME]
        try:
            found = await self.sender(username)
        except (*database.UNAVAILABLE, TimeoutError):
            return UNAVAILABLE, None
        known_hashes = found.secret_hashes if found else NOBODY
        is_right = authentication.is_one_of(password, known_hashes) and found is not None
        if is_right:
            return ACCEPTED, found
        logger.warning("A log-in as %s from %s failed", excerpt(username), address)
        await asyncio.sleep(max(self._failed(address), self._failed(username)))
        return INVALID, None

    async def sender(self, username: str) -> Sender | None:
        """Return the sender of a name as of some seconds ago at most. None: there is none."""
        if not self.knows(username):
            loop = asyncio.get_running_loop()
            asking = loop.run_in_executor(self._database, reconnecting, sender.find, username)
            found = await asyncio.wait_for(asking, settings.DATABASE_TIMEOUT)
            self._senders[username] = (time.monotonic() + KEEP_FOR, found)
            if len(self._senders) > MAX_KEPT:
                self._senders.popitem(last=False)
        return self.known(username)

    def knows(self, username: str) -> bool:
        """Say whether a name was looked up some seconds ago at most."""
        return username in self._senders and self._senders[username][0] >= time.monotonic()

    def known(self, username: str) -> Sender | None:
        """Return the sender of a name as it was looked up last, without waiting."""
        _, found = self._senders.get(username, (0.0, None))
        return found

    def forget(self, account_id: int | None) -> None:
        """Ask anew for the senders of an account that has changed; None: for all."""
        for username, (_, found) in list(self._senders.items()):
            if account_id is None or found is None or found.account_id == account_id:
                # What is known stays for whoever must not wait; its time is over.
                self._senders[username] = (0.0, found)

    def close(self) -> None:
        """Let go of the database."""
        self._database.submit(connection.close)
        self._database.shutdown()

    def _failed(self, who: str) -> float:
        """Count a failure, and return the seconds to wait before telling."""
        now = time.monotonic()
        count, last = self._failures.pop(who, (0, now))
        count = 1 if now - last > FORGET_AFTER else count + 1
        self._failures[who] = (count, now)
        if len(self._failures) > MAX_KEPT:
            self._failures.popitem(last=False)
        return float(min(FIRST_DELAY * 2 ** (min(count, 10) - 1), LONGEST_DELAY))
