"""Which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505), and at which addresses."""

import ipaddress
import random
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from django.conf import settings

from domains import networks
from messages.dns_cache import Cache
from messages.smtp.replies import Reply

LOOKUP_SECONDS = 10
# RFC 5321 §5.1 asks for two addresses at least; more than these only delay the verdict.
MAX_HOSTS, MAX_ADDRESSES = 5, 5


class Unreachable(Exception):
    """No host takes mail for the domain. The reply says why, and whether a retry may help."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The hosts of a domain, in groups of equal preference, best group first.

    Domains with equal exchangers share connections: together they are one site.
    """

    groups: tuple[tuple[str, ...], ...]

    def plan(self) -> list[str]:
        """Return the hosts in the order to try: shuffled within a preference (RFC 5321 §5.1)."""
        hosts = [host for group in self.groups for host in random.sample(group, len(group))]
        return hosts[:MAX_HOSTS]


class Directory:
    """Looks up exchangers and their addresses, and remembers them."""

    def __init__(self) -> None:
        self._resolver = _resolver(settings.DNS_RESOLVERS)
        self._exchangers = Cache(self._look_up_exchangers, Unreachable)
        self._addresses = Cache(self._look_up_addresses, Unreachable)

    async def exchangers(self, domain: str) -> Exchangers:
        """Return the hosts that take mail for a domain. Raises Unreachable."""
        return await self._exchangers.get(domain)

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host that we may connect to. Raises Unreachable."""
        return await self._addresses.get(host)

    async def _look_up_exchangers(self, domain: str) -> tuple[Exchangers, float]:
        try:
            answer = await self._resolver.resolve(domain, "MX", search=False)
        except dns.resolver.NoAnswer:
            # No MX at all: the domain itself is the host (RFC 5321 §5.1).
            return Exchangers(((_text(dns.name.from_text(domain)),),)), 0
        except dns.resolver.NXDOMAIN:
            raise Unreachable(Reply(550, "5.1.2", f"The domain {domain} does not exist")) from None
        except dns.exception.DNSException as error:
            raise Unreachable(_no_answer(domain, error)) from error
        return _grouped(domain, [(mx.preference, mx.exchange) for mx in answer]), _ttl(answer)

    async def _look_up_addresses(self, host: str) -> tuple[list[str], float]:
        found: list[str] = []
        ttls: list[float] = []
        unanswered: Unreachable | None = None
        for record_type in ("A", "AAAA"):
            try:
                answer = await self._resolver.resolve(host, record_type, search=False)
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


def _no_answer(name: str, error: dns.exception.DNSException) -> Reply:
    what = "no answer in time" if isinstance(error, dns.exception.Timeout) else "no usable answer"
    return Reply(451, "4.4.3", f"DNS gave {what} for {name}")


def _no_address(host: str, found: list[str]) -> Reply:
    if found:
        return Reply(
            550, "5.4.4", f"{host} has only addresses that mail must not go to: {found[0]}"
        )
    return Reply(451, "4.4.4", f"The exchanger {host} has no address")
