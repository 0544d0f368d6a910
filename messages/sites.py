"""All sites of one worker: one for each set of exchangers, made when mail for it comes."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from accounts.message_class import MessageClass
from messages import site_status
from messages.exchangers import Directory, Exchangers
from messages.jobs import PutOff, Whose
from messages.queue import Claimed
from messages.shaping.shaper import Shaper
from messages.site import Site
from messages.site_override import SiteOverride
from messages.waiting_room import LEAST_SHARE

logger = logging.getLogger(__name__)

# Seconds between looks at connections, and between rounds of news with the other workers.
TICK = 1
# Seconds that connections may take to close.
FAREWELL = 1


@dataclass(frozen=True, slots=True)
class Closed:
    """Where there is no place at one moment."""

    domains: Set[str]
    full: Mapping[str, Set[int]]  # for whom, by id of the account, at which domain

    def to(self, claimed: Claimed) -> bool:
        """Say whether there is none for a recipient."""
        return claimed.domain in self.domains or (
            claimed.account_id in self.full.get(claimed.domain, ())
        )


class Sites:
    """Watches over the sites, and speaks with the other workers about them."""

    def __init__(self, directory: Directory, shaper: Shaper) -> None:
        self._directory = directory
        self._shaper = shaper
        self._sites: dict[Exchangers, Site] = {}
        self._by_domain: dict[str, Site] = {}

    def __iter__(self) -> Iterator[Site]:
        return iter(list(self._sites.values()))

    def __len__(self) -> int:
        return len(self._sites)

    def closed(self, message_class: MessageClass) -> Closed:
        """Return for whom no site has a place now."""
        suspended = {site for site in self if site.standing.suspension}
        full = {}
        if message_class is not MessageClass.PRIORITY:
            full = {site: found for site in self if (found := site.room.full_for)}
        if not suspended and not full:
            return Closed(frozenset(), {})  # as nearly always
        return Closed(
            {domain for domain, site in self._by_domain.items() if site in suspended},
            {domain: full[site] for domain, site in self._by_domain.items() if site in full},
        )

    def turn_away(self, domain: str, whose: Whose) -> PutOff | None:
        """Return until when mail for a domain waits, and why; None: it may be sent."""
        site = self._by_domain.get(domain)
        return site.room.turn_away(whose) if site else None

    def note(self, domain: str, site: Site) -> None:
        """Remember the site of a domain."""
        self._by_domain[domain] = site

    def get(self, exchangers: Exchangers) -> Site:
        """Return the site of a set of exchangers."""
        if exchangers not in self._sites:
            self._sites[exchangers] = Site(exchangers, self._directory, self._shaper)
        return self._sites[exchangers]

    def tick(self) -> None:
        """Watch over each site, and forget those that nobody needs. Called each second."""
        before = len(self._sites)
        for exchangers, site in list(self._sites.items()):
            try:
                site.tick()
            except Exception:
                logger.exception("The watch over a site failed")
            if site.is_unused:
                del self._sites[exchangers]
        if len(self._sites) < before:
            kept = set(self._sites.values())
            self._by_domain = {name: one for name, one in self._by_domain.items() if one in kept}

    def shed(self, most: int, accounts: Set[int] | None = None) -> None:
        """The worker holds `most` recipients: let no site have more of them than it can serve.

        Or these accounts, by id, hold too many of them: then it is their mail that goes.
        """
        share = max(LEAST_SHARE, most // (2 * max(2, len(self._sites))))
        for site in self:
            site.room.shed(share, site.room.lines.accounts if accounts is None else accounts)

    async def confer(self) -> None:
        """Keep our slots, yield those that others need more, and exchange news. Each second."""
        wanted = await self._shaper.gate.renew()
        surplus = self._shaper.gate.surplus()
        for site in self:
            site.retire(surplus)
            keys = (f"site:{site.standing.terms.site}", f"group:{site.standing.terms.group}")
            for another in [wanted[key] for key in keys if key in wanted]:
                site.yield_to(another)
        measures = {site.standing.terms.site: site.standing.measures for site in self}
        if measures:
            await self._shaper.bulletin.hear(measures)
        await self._share_paces()
        workers = await self._shaper.bulletin.publish([site_status.of(site) for site in self])
        if workers:
            self._shaper.gate.workers = workers

    async def _share_paces(self) -> None:
        ours: dict[str, float] = defaultdict(float)
        for site in self:
            ours[site.standing.terms.site] += site.room.speed.per_second
        paces = await self._shaper.bulletin.share_paces(ours)
        for site in self:
            site.room.pace_of_all = paces.get(site.standing.terms.site, 0.0)

    async def close(self) -> None:
        """Close all connections, and wait a moment for the last: then their slots are free."""
        for site in self:
            site.close()
        deadline = time.monotonic() + FAREWELL
        while any(site.is_connected for site in self) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)

    def override(self, overrides: Sequence[SiteOverride]) -> None:
        """Take over what staff has decided."""
        self._shaper.book.update(overrides)
