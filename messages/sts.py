"""What domains ask of TLS, found when mail goes there and kept fresh (RFC 8461 §5)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import dns.exception

from messages import sts_policy
from messages.dns_cache import Cache
from messages.exchangers import Directory, Exchangers, Unreachable
from messages.mta_sts import Mode, Policy, PolicyError, policy_id
from messages.smtp.replies import Reply
from messages.sts_fetch import Fetcher
from messages.sts_policy import StsPolicy

logger = logging.getLogger(__name__)

# Seconds until a policy that could not be had is asked for again.
FIND_AGAIN = 300
# Policies that are fetched again in one go, and how many of them at a time.
AT_ONCE, AT_A_TIME = 200, 20
NO_POLICY = Policy(Mode.NONE, (), 0)

# Calls a function where it may wait for PostgreSQL; None: that does not answer.
InThread = Callable[..., Awaitable[Any]]


class Policies:
    """Knows the policy of each domain that mail goes to. Lives on one event loop."""

    def __init__(self, directory: Directory, fetcher: Fetcher, in_thread: InThread) -> None:
        self._directory = directory
        self._fetcher = fetcher
        self._in_thread = in_thread
        self._policies = Cache(self._find, Unreachable)

    async def apply(self, domain: str, exchangers: Exchangers) -> Exchangers:
        """Return those exchangers of a domain that its policy allows, and whether they must show
        who they are. Raises Unreachable where none is left: the policy may be mended (§4.2).
        """
        allowed = (await self._policies.get(domain)).applied_to(exchangers)
        if not allowed.groups:
            text = f"No exchanger of {domain} is one that its MTA-STS policy allows"
            raise Unreachable(Reply(451, "4.7.5", text))
        return allowed

    async def _find(self, domain: str) -> tuple[Policy, float]:
        kept = await self._kept(domain)
        policy = kept.policy if kept else NO_POLICY
        try:
            texts, seconds = await self._directory.texts(f"_mta-sts.{domain}")
        except dns.exception.DNSException:
            return policy, FIND_AGAIN
        announced = policy_id(texts)
        if not announced or (kept and kept.policy_id == announced):
            # A policy outlives its record: whoever can hide that must not undo it (§3.1, §10.2).
            return policy, seconds
        try:
            policy = await self._fetcher.fetch(domain)
        except PolicyError as error:
            logger.warning("The MTA-STS policy of %s is not usable: %s", domain, error)
            return policy, FIND_AGAIN
        await self._in_thread(sts_policy.keep, domain, announced, policy)
        return policy, seconds

    async def _kept(self, domain: str) -> StsPolicy | None:
        found: list[StsPolicy] | None = await self._in_thread(sts_policy.needed, domain)
        if found is None:
            # To send without knowing could be in clear to somebody else.
            raise Unreachable(Reply(451, "4.3.0", "The policies of domains cannot be read now"))
        return found[0] if found else None


def refresh(make_fetcher: Callable[[], Fetcher]) -> None:
    """Fetch again what is old enough, before it expires."""
    due = {one.domain: one.policy_id for one in sts_policy.due(AT_ONCE)}
    for domain, policy in asyncio.run(_fetch_all(list(due), make_fetcher)).items():
        if policy:
            sts_policy.keep(domain, due[domain], policy)
        else:
            sts_policy.put_off(domain)


async def _fetch_all(
    domains: list[str], make_fetcher: Callable[[], Fetcher]
) -> dict[str, Policy | None]:
    fetcher, turn = make_fetcher(), asyncio.Semaphore(AT_A_TIME)

    async def fetch(domain: str) -> Policy | None:
        async with turn:
            try:
                return await fetcher.fetch(domain)
            except PolicyError as error:
                logger.warning("The MTA-STS policy of %s was not renewed: %s", domain, error)
                return None

    policies = await asyncio.gather(*map(fetch, domains))
    return dict(zip(domains, policies, strict=True))
