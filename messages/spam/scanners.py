"""Ask a scanner that the operator runs: rspamd by HTTP (/checkv2), or spamd by its protocol.

A scanner has two seconds. Who does not answer in time is asked again later, before the first
attempt; who fails again and again is left alone for a while, so that no sender waits for it.
"""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from django.conf import settings

from messages.spam.verdict import Verdict

logger = logging.getLogger(__name__)

BUDGET = 2.0  # seconds, from the first octet to the last
MAX_REPLY = 256 * 1024
MOST_SCORE = 1e6
# Failures in a row after which a scanner is left alone, and for how many seconds.
PATIENCE, PAUSE = 5, 15
# Scans of one process at a time; more wait for their turn, within the budget.
PARALLEL = 20

SPAMD_RESULT = re.compile(rb"^Spam:\s*(\w+)\s*;\s*(-?\d+(?:\.\d+)?)\s*/", re.MULTILINE)


class ScannerUnavailable(Exception):
    """The scanner did not answer in time, or with nothing that we understand."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What a scanner is told."""

    content: bytes
    reverse_path: str
    recipients: tuple[str, ...]
    username: str
    message_id: str


Ask = Callable[[Mail], Awaitable[Verdict]]


class Scanner:
    """The configured scanner of one event loop, with its connections."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._turns = asyncio.Semaphore(PARALLEL)
        self._failures = 0
        self._closed_until = 0.0

    async def scan(self, mail: Mail) -> Verdict:
        """Return what the scanner says. Raises ScannerUnavailable, and nothing else."""
        if time.monotonic() < self._closed_until:
            raise ScannerUnavailable("The scanner is left alone after it has failed repeatedly")
        try:
            async with asyncio.timeout(BUDGET), self._turns:
                verdict = await self._ask(mail)
        except ScannerUnavailable as error:
            self._failed(error)
            raise
        except (OSError, ValueError, EOFError, TimeoutError, aiohttp.ClientError) as error:
            self._failed(error)
            raise ScannerUnavailable(f"{type(error).__name__}: {error}") from error
        self._failures = 0
        return verdict

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= PATIENCE:
            self._failures = 0
            self._closed_until = time.monotonic() + PAUSE
            logger.warning("The spam scanner is left alone for %d s: %r", PAUSE, error)


def configured() -> Scanner | None:
    """Return the scanner that the settings name, for the loop that runs. None: there is none."""
    if settings.RSPAMD_URL:
        return Scanner(Rspamd(settings.RSPAMD_URL, settings.RSPAMD_PASSWORD).check)
    if settings.SPAMD_ADDRESS:
        host, _, port = settings.SPAMD_ADDRESS.rpartition(":")
        return Scanner(Spamd(host, int(port)).check)
    return None


class Rspamd:
    """Speaks HTTP to rspamd, over connections that are kept."""

    def __init__(self, url: str, password: str) -> None:
        self._url = f"{url.rstrip('/')}/checkv2"
        self._password = {"Password": password} if password else {}
        self._session: aiohttp.ClientSession | None = None

    async def check(self, mail: Mail) -> Verdict:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=PARALLEL)
            self._session = aiohttp.ClientSession(connector=connector)
        headers = [
            ("From", quote(mail.reverse_path, safe="@+=.")),
            *(("Rcpt", quote(one, safe="@+=.")) for one in mail.recipients),
            ("User", mail.username),
            ("Queue-Id", mail.message_id),
            *self._password.items(),
        ]
        async with self._session.post(self._url, data=mail.content, headers=headers) as response:
            body = await _read(response.content)
            if response.status != 200:
                raise ScannerUnavailable(f"rspamd answered {response.status}")
        return _of_rspamd(json.loads(body))

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()


def _of_rspamd(answer: object) -> Verdict:
    if not isinstance(answer, dict):
        raise ScannerUnavailable("rspamd answered with something that is no object")
    score, symbols = answer.get("score"), answer.get("symbols", {})
    # NaN is no score either, and could be shown to nobody: to compare it is always false.
    if not isinstance(score, int | float) or not abs(score) < MOST_SCORE:
        raise ScannerUnavailable("rspamd answered with a score that is no number")
    if not isinstance(symbols, dict):
        raise ScannerUnavailable("rspamd answered without the names of its rules")
    return Verdict(float(score), tuple(map(str, symbols))[:50], answer.get("action") == "reject")


class Spamd:
    """Speaks SPAMC/1.5 to spamd, which ends each connection itself."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def check(self, mail: Mail) -> Verdict:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            head = f"SYMBOLS SPAMC/1.5\r\nContent-length: {len(mail.content)}\r\n\r\n"
            writer.write(head.encode() + mail.content)
            await writer.drain()
            return _of_spamd(await _read(reader))
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _of_spamd(answer: bytes) -> Verdict:
    head, _, symbols = answer.partition(b"\r\n\r\n")
    result = SPAMD_RESULT.search(head)
    if not head.startswith(b"SPAMD/") or b" 0 " not in head.partition(b"\r\n")[0] or not result:
        raise ScannerUnavailable("spamd answered with something that is no result")
    names = symbols.decode("ascii", "replace").strip().split(",")
    return Verdict(float(result[2]), tuple(filter(None, names))[:50])


async def _read(stream: asyncio.StreamReader | aiohttp.StreamReader) -> bytes:
    """Return all that comes, if it is not too much."""
    body = bytearray()
    while chunk := await stream.read(65536):
        body += chunk
        if len(body) > MAX_REPLY:
            raise ScannerUnavailable("The answer of the scanner is too long")
    return bytes(body)
