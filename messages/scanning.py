"""Have accepted messages looked at by the scanner: at the door, or else before the first attempt.

A scanner that does not answer in time never loses the check: the message is taken, marked, and no
worker sends it before the scanner has seen it.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import connection

from messages import policy
from messages.acceptance import Accepted
from messages.models import Content, Message, Recipient
from messages.refusals import Refused
from messages.spam import scanners
from messages.spam.scanners import Mail, Scanner, ScannerUnavailable
from messages.spam.verdict import Verdict


async def scanned(accepted: Accepted, scanner: Scanner) -> Accepted:
    """Return a message with what the scanner says of it. Raises Refused."""
    submission = accepted.submission
    try:
        verdict = await scanner.scan(
            Mail(
                content=accepted.content,
                reverse_path=submission.reverse_path,
                recipients=tuple(submission.recipients),
                username=submission.sender.username,
                message_id=str(accepted.id),
            )
        )
    except ScannerUnavailable:
        return replace(accepted, is_scanned=False)
    together = accepted.verdict + verdict
    policy.refuse_spam(together)
    return replace(accepted, verdict=together)


def scan_all(accepted: Sequence[Accepted]) -> list[Accepted | Refused]:
    """Have messages scanned side by side, for a door that waits in a thread of its own."""
    if not (settings.RSPAMD_URL or settings.SPAMD_ADDRESS):
        return list(accepted)
    return asyncio.run_coroutine_threadsafe(_host.scan(accepted), _host.loop()).result()


class Host:
    """Keeps the scanner of this process and its connections on a loop in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scanner: Scanner | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop; the first call starts it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="scan", daemon=True).start()
            return self._loop

    async def scan(self, accepted: Sequence[Accepted]) -> list[Accepted | Refused]:
        self._scanner = scanner = self._scanner or scanners.configured()
        assert scanner
        return list(await asyncio.gather(*(_scanned_or_refused(one, scanner) for one in accepted)))


async def _scanned_or_refused(accepted: Accepted, scanner: Scanner) -> Accepted | Refused:
    try:
        return await scanned(accepted, scanner)
    except Refused as refused:
        return refused


_host = Host()


# --- later, in a worker ---


def load(message_id: UUID) -> tuple[Mail, Verdict]:
    """Return a stored message as a scanner wants it, and what our rules said of it."""
    message = Message.objects.select_related("credential").get(id=message_id)
    content = Content.objects.get(message_id=message_id)
    recipients = Recipient.objects.filter(message_id=message_id).values_list("address", flat=True)
    mail = Mail(
        content=bytes(content.data),
        reverse_path=message.reverse_path,
        recipients=tuple(recipients),
        username=message.credential.username if message.credential else "",
        message_id=str(message_id),
    )
    return mail, Verdict(message.spam_score, tuple(message.spam_rules))


def note(message_id: UUID, verdict: Verdict) -> None:
    """Write down what the scanner has said in the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mail_message SET is_scanned = true, spam_score = %s, spam_rules = %s "
            "WHERE id = %s",
            [verdict.score, list(verdict.rules), message_id],
        )
