"""Which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505), and at which addresses."""

import asyncio
import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from django.conf import settings
from dns.rdatatype import RdataType

from domains import networks
from messages.dns_cache import Cache, Failure
from messages.smtp.replies import Reply

LOOKUP_SECONDS = 10
# Questions that are open at a time: more than these drown a resolver, or lose datagrams.
MAX_LOOKUPS = 128
# RFC 5321 §5.1 asks for two addresses at least; more than these only delay the verdict.
MAX_HOSTS, MAX_ADDRESSES = 5, 5
# Seconds that we believe that there is nothing, and that we do not ask again who gave no answer.
NOTHING_FOR, NO_ANSWER_FOR = 300, 60


class Unreachable(Failure):
    """No host takes mail for the domain. The reply says why, and whether a retry may help.

    `is_missing`: DNS knows nothing of it, which at times is a slip of those who run the domain.
    """

    def __init__(self, reply: Reply, *, is_missing: bool = False) -> None:
        self.reply = reply
        self.is_missing = is_missing
        super().__init__(str(reply), NO_ANSWER_FOR if reply.is_transient else NOTHING_FOR)


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The hosts of a domain, in groups of equal preference, best group first.

    Domains with equal exchangers share connections: together they are one site. With
    `require_tls` they must also show by a certificate who they are, which a policy has asked for.
    """

    groups: tuple[tuple[str, ...], ...]
    require_tls: bool = False

    def plan(self) -> list[str]:
        """Return the hosts in the order to try: shuffled within a preference (RFC 5321 §5.1)."""
        hosts = [host for group in self.groups for host in random.sample(group, len(group))]
        return hosts[:MAX_HOSTS]


class Directory:
    """Looks up exchangers, their addresses and texts, and remembers them.

    `record_types` are those of the addresses that this machine has a route to.
    """

    def __init__(self, record_types: Sequence[RdataType] | None = None) -> None:
        self._record_types = record_types or _reachable()
        self._resolver = _resolver(settings.DNS_RESOLVERS)
        self._turn = asyncio.Semaphore(MAX_LOOKUPS)
        self._exchangers = Cache(self._look_up_exchangers, Unreachable)
        self._addresses = Cache(self._look_up_addresses, Unreachable)

    async def exchangers(self, domain: str) -> Exchangers:
        """Return the hosts that take mail for a domain. Raises Unreachable."""
        return await self._exchangers.get(domain)

    def knows(self, domain: str) -> bool:
        """Say whether that is known, so that nobody has to be asked."""
        return self._exchangers.knows(domain)

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host that we may connect to. Raises Unreachable."""
        return await self._addresses.get(host)

    async def is_ourselves(self, address: str) -> bool:
        """Say whether an address is that of OPERATOR_HOST, so that mail would run in a circle."""
        if settings.PRIVATE_EXCHANGERS:
            return False  # all the world lives at one address then
        try:
            return address in await self.addresses(settings.OPERATOR_HOST)
        except Unreachable:
            return False

    async def texts(self, name: str) -> tuple[list[str], float]:
        """Return the TXT records of a name, and for how many seconds they hold.

        Raises DNSException where DNS gives no answer.
        """
        try:
            answer = await self._ask(name, dns.rdatatype.TXT)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return [], NOTHING_FOR
        return [b"".join(one.strings).decode("latin-1") for one in answer], _ttl(answer)

    async def _ask(self, name: str, record_type: RdataType) -> dns.resolver.Answer:
        async with self._turn:
            return await self._resolver.resolve(name, record_type, search=False)

    async def _look_up_exchangers(self, domain: str) -> tuple[Exchangers, float]:
        try:
            answer = await self._ask(domain, dns.rdatatype.MX)
        except dns.resolver.NoAnswer:
            return await self._without_mx(domain)
        except dns.resolver.NXDOMAIN:
            reply = Reply(550, "5.1.2", f"The domain {domain} does not exist")
            raise Unreachable(reply, is_missing=True) from None
        except dns.exception.DNSException as error:
            raise Unreachable(_no_answer(domain, error)) from error
        return _grouped(domain, [(mx.preference, mx.exchange) for mx in answer]), _ttl(answer)

    async def _without_mx(self, domain: str) -> tuple[Exchangers, float]:
        """No MX at all: the domain itself is the host (RFC 5321 §5.1), if it is one."""
        host = _text(dns.name.from_text(domain))
        try:
            await self.addresses(host)
        except Unreachable as failure:
            if failure.reply == _no_address(host, []):
                reply = Reply(550, "5.1.2", f"The domain {domain} has neither MX nor address")
                raise Unreachable(reply, is_missing=True) from None
        return Exchangers(((host,),)), 0

    async def _look_up_addresses(self, host: str) -> tuple[list[str], float]:
        found: list[str] = []
        ttls: list[float] = []
        unanswered: Unreachable | None = None
        for record_type in self._record_types:
            try:
                answer = await self._ask(host, record_type)
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                continue
            except dns.exception.DNSException as error:
                # Some servers answer for A only; with one address mail can go.
                unanswered = Unreachable(_no_answer(host, error))
                continue
            found += [record.address for record in answer]
            ttls.append(_ttl(answer))
        allowed = [address for address in found if is_allowed(address)]
        if not allowed:
            raise unanswered or Unreachable(_no_address(host, found))
        return allowed[:MAX_ADDRESSES], 0 if unanswered else min(ttls)


def _reachable() -> list[RdataType]:
    """Return the types of address that mail can go to from here: without a route no AAAA."""
    with_ipv6 = networks.has_ipv6_route()
    return [dns.rdatatype.A, dns.rdatatype.AAAA] if with_ipv6 else [dns.rdatatype.A]


def _resolver(addresses: list[str]) -> dns.asyncresolver.Resolver:
    """Return a resolver that asks the given addresses (host or host:port), or the system's."""
    resolver = dns.asyncresolver.Resolver(configure=not addresses)
    resolver.lifetime = LOOKUP_SECONDS
    if addresses:
        hosts = (address.partition(":") for address in addresses)
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(host, int(port or 53)) for host, _, port in hosts
        ]
    return resolver


def _ttl(answer: dns.resolver.Answer) -> float:
    """Return how long an answer holds, the aliases that led to it included."""
    return answer.chaining_result.minimum_ttl


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _grouped(domain: str, records: list[tuple[int, dns.name.Name]]) -> Exchangers:
    hosts = [(preference, _text(name)) for preference, name in records if name != dns.name.root]
    if not hosts:
        # The domain says that it takes no mail (RFC 7505 §3): final, not worth a retry.
        raise Unreachable(Reply(556, "5.1.10", f"The domain {domain} does not accept mail"))
    # The better preference counts for a host that is named twice.
    best = {host: preference for preference, host in sorted(hosts, reverse=True)}
    if settings.OPERATOR_HOST in best:
        # Whoever is in the list passes mail on only to those before him (RFC 5321 §5.1).
        ours = best[settings.OPERATOR_HOST]
        best = {host: preference for host, preference in best.items() if preference < ours}
        if not best:
            raise Unreachable(loop(domain))
    return Exchangers(
        tuple(
            tuple(sorted(host for host, value in best.items() if value == preference))
            for preference in sorted(set(best.values()))
        )
    )


def is_allowed(address: str) -> bool:
    """Say whether mail may go to an address: public ones only, but for the development switch."""
    if settings.PRIVATE_EXCHANGERS:
        return True
    return networks.is_public(ipaddress.ip_address(address))


def loop(name: str) -> Reply:
    """Return why nothing is sent to a host that is ourselves (RFC 5321 §5.1)."""
    return Reply(550, "5.4.6", f"Mail for {name} loops back to us")


def _no_answer(name: str, error: dns.exception.DNSException) -> Reply:
    what = "no answer in time" if isinstance(error, dns.exception.Timeout) else "no usable answer"
    return Reply(451, "4.4.3", f"DNS gave {what} for {name}")


def _no_address(host: str, found: list[str]) -> Reply:
    if found:
        return not_public(host, found[0])
    return Reply(451, "4.4.4", f"The exchanger {host} has no address")


def not_public(host: str, address: str) -> Reply:
    """Return why nothing is sent to an address that is none of the public Internet."""
    return Reply(550, "5.4.4", f"{host} has only addresses that mail must not go to: {address}")
