"""Bring letters to the servers that DNS names for them, as any mail server would (RFC 5321 §5)."""

import asyncio
import logging
import smtplib
import ssl

import dns.asyncresolver
import dns.exception
import dns.nameserver

from cloudmta.simulator.reports import HOST, Letter

logger = logging.getLogger(__name__)

# Seconds from each failed attempt to the next. After the last one the letter is lost, as is
# what servers of the real world have failed to deliver for days.
RETRY_AFTER = (1, 2, 4, 8, 15, 30, 60, 120, 240, 480)
TIMEOUT = 10  # seconds for one step of SMTP
MOST_AT_ONCE = 4
MOST_WAITING = 10_000


class Refused(Exception):
    """They will never take the letter."""


class Postman:
    """Has letters on the way, each a while after it was handed over."""

    def __init__(self, dns_host: str, dns_port: int, smtp_port: int, delay: float) -> None:
        self.smtp_port = smtp_port  # where the servers of the world listen to us: 25, elsewhere
        self.delay = delay  # seconds before the first attempt
        self.ways: set[asyncio.Task[None]] = set()
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        self.resolver = dns.asyncresolver.Resolver(configure=False)
        self.resolver.nameservers = [dns.nameserver.Do53Nameserver(dns_host, dns_port)]

    def take(self, letter: Letter) -> None:
        """Bring a letter, later on."""
        if len(self.ways) >= MOST_WAITING:
            logger.warning("A report to %s is lost: too many wait already", letter.recipient)
            return
        way = asyncio.create_task(self.bring(letter))
        self.ways.add(way)
        way.add_done_callback(self.ways.discard)

    async def close(self) -> None:
        """Let go of what is under way."""
        for way in self.ways:
            way.cancel()
        await asyncio.gather(*self.ways, return_exceptions=True)

    async def bring(self, letter: Letter) -> None:
        """Try until the letter is taken, or refused for good, or there was no success for long."""
        for wait in (self.delay, *RETRY_AFTER):
            await asyncio.sleep(wait)
            try:
                async with self.slots:
                    host = await self.exchanger_of(letter.recipient)
                    await asyncio.to_thread(self.hand_over, host, letter)
                return
            except Refused as refused:
                logger.warning("A report to %s was refused: %s", letter.recipient, refused)
                return
            except (dns.exception.DNSException, OSError, smtplib.SMTPException) as error:
                logger.info("A report to %s waits: %s", letter.recipient, error)
        logger.warning("A report to %s is lost: nobody took it", letter.recipient)

    async def exchanger_of(self, address: str) -> str:
        """Return the address of the best exchanger for a mail address."""
        records = await self.resolver.resolve(address.rpartition("@")[2], "MX")
        best = min(records, key=lambda record: record.preference)
        addresses = await self.resolver.resolve(best.exchange, "A")
        return str(addresses[0])

    def hand_over(self, host: str, letter: Letter) -> None:
        """Make one attempt. Raises Refused, or what smtplib raises."""
        with smtplib.SMTP(host, self.smtp_port, HOST, TIMEOUT) as server:
            server.ehlo()
            if server.has_extn("STARTTLS"):
                # Between mail servers any certificate will do: the alternative is clear text.
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                server.starttls(context=context)
                server.ehlo()
            try:
                server.sendmail(letter.reverse_path, letter.recipient, letter.content)
            except smtplib.SMTPRecipientsRefused as error:
                ((code, text),) = error.recipients.values()
                raise _failure(code, text) from error
            except smtplib.SMTPResponseException as error:
                raise _failure(error.smtp_code, error.smtp_error) from error


def _failure(code: int, text: bytes | str) -> Exception:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    if code >= 500:
        return Refused(f"{code} {said}")
    return smtplib.SMTPException(f"{code} {said}")
