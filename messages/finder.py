"""Find the site of a domain: who takes its mail, and on what condition."""

from messages.exchangers import MAX_LOOKUPS, Directory
from messages.site import Site
from messages.sites import Sites
from messages.sts import Policies
from messages.turns import Turns


class Finder:
    """Asks DNS and policies for one worker, so that no account keeps the others waiting."""

    def __init__(self, directory: Directory, policies: Policies, sites: Sites) -> None:
        self._directory = directory
        self._policies = policies
        self._sites = sites
        self._turns = Turns(MAX_LOOKUPS)

    async def site_of(self, domain: str, account_id: int) -> Site:
        """Return the site of a domain to which an account sends. Raises Unreachable."""
        if is_new := not self._directory.knows(domain):
            # The domains of one account may all be dead, and keep DNS waiting for long.
            async with self._turns.of(account_id):
                await self._directory.exchangers(domain)
        exchangers = await self._directory.exchangers(domain)
        # Before the site: mail that a policy protects shares no connection with other mail.
        site = self._sites.get(await self._policies.apply(domain, exchangers))
        self._sites.note(domain, site)
        if is_new:
            site.standing.tell(domain)
        return site
