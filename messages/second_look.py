"""Have the scanner look, before the first attempt, at what it could not look at at the door."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from events.reasons import Reason
from messages import outcomes, policy, scanning
from messages.outcomes import Result
from messages.queue import Claimed
from messages.spam.scanners import Scanner, ScannerUnavailable
from messages.spam.verdict import Verdict

logger = logging.getLogger(__name__)

# Until a scanner that did not answer is asked again about a message.
SCAN_AGAIN = timedelta(seconds=30)
AWAY = "The spam scanner is away"
SPAM = "The content scored %.1f in a check for spam"

# Calls a function where it may wait for PostgreSQL; None: that does not answer.
InThread = Callable[..., Awaitable[Any]]


class SecondLook:
    """What one worker asks its scanner."""

    def __init__(self, scanner: Scanner, in_thread: InThread) -> None:
        self._scanner = scanner
        self._in_thread = in_thread

    async def at(self, message_id: UUID, recipients: Sequence[Claimed]) -> list[Result]:
        """Return what becomes of a message's recipients; nothing: they may be sent to."""
        try:
            verdict = await self._verdict(message_id)
        except ScannerUnavailable:
            return [outcomes.held(one, AWAY, SCAN_AGAIN) for one in recipients]
        except Exception:
            # A fault of ours must not hold recipients for ever.
            logger.exception("Message %s could not be scanned", message_id)
            return [outcomes.held(one, outcomes.OUR_ERROR) for one in recipients]
        if policy.is_spam(verdict):
            text = SPAM % verdict.score
            return [outcomes.blocked(one, Reason.SPAM_CONTENT, text) for one in recipients]
        return []

    async def _verdict(self, message_id: UUID) -> Verdict:
        loaded = await self._in_thread(scanning.load, message_id)
        if loaded is None:
            raise ScannerUnavailable("PostgreSQL does not answer")
        mail, known = loaded
        verdict: Verdict = known + await self._scanner.scan(mail)
        await self._in_thread(scanning.note, message_id, verdict)
        return verdict
