"""Who fetched a pixel or followed a link: a person, or a program on its own account."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings

from events.models import Kind

# So soon after the delivery nobody has seen, read and followed anything: a scanner looks ahead.
SOONEST_CLICK = timedelta(seconds=5)
MAX_USER_AGENT = 500  # characters that are kept
# What remains of an address under TRACKING_ADDRESSES = network.
NETWORK_BITS = {4: 24, 6: 48}


@dataclass(frozen=True, slots=True)
class Program:
    """What fetched something."""

    name: str  # "": a browser or mail program, as far as can be told
    is_prefetch: bool  # nobody has looked, or at least nobody can know


PERSON = Program("", is_prefetch=False)
BROWSER_AHEAD = Program("browser_prefetch", is_prefetch=True)
SCANNER = Program("scanner", is_prefetch=True)

# By what programs say of themselves, the first that is found; proxies fetch when somebody opens
# the message, and hide who.
PROGRAMS = [
    (re.compile(pattern, re.IGNORECASE), Program(name, is_prefetch))
    for pattern, name, is_prefetch in (
        (r"googleimageproxy", "google_image_proxy", False),
        (r"yahoomailproxy|yahoocachesystem", "yahoo_image_proxy", False),
        # Apple's privacy protection fetches all pictures of all messages, and says only this.
        (r"\AMozilla/5\.0\Z", "apple_mail_privacy", True),
        (r"safelinks|bingpreview|skypeuripreview|microsoft[- ]preview", "outlook_safelinks", True),
        (r"barracuda", "barracuda", True),
        (r"proofpoint|urldefense", "proofpoint", True),
        (r"mimecast", "mimecast", True),
        (r"\A\Z", "unknown", True),
        (
            r"bot\b|bot/|crawl|spider|scan|slurp|preview|prefetch|monitor|headless|phantomjs"
            r"|facebookexternalhit|whatsapp|google-(?:safety|read-aloud)|appengine|symantec|sophos"
            r"|trend ?micro|forcepoint|trustwave|\A(?:curl|wget|python|go-http|java|okhttp|libwww"
            r"|php|ruby|perl|axios|node|apache-httpclient|aiohttp|httpx)\b",
            "bot",
            True,
        ),
    )
]
AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a pixel, or for where a link leads."""

    kind: Kind
    recipient_id: int
    url: str  # "" for a pixel
    at: datetime
    address: str
    user_agent: str
    is_head: bool
    purpose: str  # what the browser says that it fetches it for

    @property
    def same_as(self) -> tuple[object, ...]:
        """What repeated requests of one program within a moment have in common."""
        return (self.kind, self.recipient_id, self.url, self.address, self.user_agent)

    def program(self, delivered_at: datetime | None) -> Program:
        """Return what came; `delivered_at` is None for a message that is still on its way."""
        program = by_user_agent(self.user_agent)
        if program is not PERSON:
            return program
        if AHEAD.search(self.purpose):
            return BROWSER_AHEAD
        if self.is_head:
            return SCANNER
        is_early = delivered_at is None or self.at - delivered_at < SOONEST_CLICK
        return SCANNER if self.kind is Kind.CLICK and is_early else PERSON

    def details(self, program: Program) -> dict[str, object]:
        """Return what an event tells of it."""
        details: dict[str, object] = {"is_prefetch": program.is_prefetch}
        if self.url:
            details["url"] = self.url
        if program.name:
            details["client"] = program.name
        if address := shown_address(self.address):
            details["ip"] = address
        if self.user_agent:
            details["user_agent"] = readable(self.user_agent)
        return details


@lru_cache(maxsize=4096)
def by_user_agent(user_agent: str) -> Program:
    """Return which program calls itself so."""
    shown = user_agent[:MAX_USER_AGENT]
    return next((program for pattern, program in PROGRAMS if pattern.search(shown)), PERSON)


def shown_address(address: str) -> str:
    """Return what the operator keeps of an address: all, its network, or nothing."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""  # a socket in the file system has none
    if settings.TRACKING_ADDRESSES == "none":
        return ""
    if settings.TRACKING_ADDRESSES == "network":
        return str(ipaddress.ip_network((found, NETWORK_BITS[found.version]), strict=False))
    return str(found)


def readable(user_agent: str) -> str:
    """Return a header as text: WSGI hands octets on as if they were latin-1 (PEP 3333)."""
    text = user_agent[:MAX_USER_AGENT].encode("latin-1", "replace").decode("utf-8", "replace")
    return text.replace("\0", "")
