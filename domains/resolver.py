"""Ask DNS several questions at once, with one deadline for all (RFC 1034 §5)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from django.conf import settings

# Seconds for all the answers together: a person waits in front of a button.
PATIENCE = 4.5
# Of a name with more records than these, the first ones are looked at.
MOST_VALUES = 20
LONGEST_VALUE = 1000  # characters; a 4096-bit key has 800

Question = tuple[str, str]  # name in full, type


class State(Enum):
    """What came of a question."""

    FOUND = "found"
    NOTHING = "nothing"  # the name does not exist, or has no record of the type
    NO_ANSWER = "no answer"  # in time, or none that can be used: nothing is known


@dataclass(frozen=True, slots=True)
class Answer:
    """The values under a name, aliases followed, in an order that does not change."""

    state: State
    values: tuple[str, ...] = ()  # TXT: the strings joined; names without their last dot


NOTHING = Answer(State.NOTHING)
NO_ANSWER = Answer(State.NO_ANSWER)


def ask(questions: Iterable[Question]) -> dict[Question, Answer]:
    """Ask the resolvers of DNS_RESOLVERS, or those of the system. Returns within five seconds.

    Not for code that runs on an event loop.
    """
    return asyncio.run(_ask_all(list(dict.fromkeys(questions))))


async def _ask_all(questions: list[Question]) -> dict[Question, Answer]:
    resolver = configured()
    answers = await asyncio.gather(*(_ask(resolver, *question) for question in questions))
    return dict(zip(questions, answers, strict=True))


def configured() -> dns.asyncresolver.Resolver:
    """Return a resolver that asks those of DNS_RESOLVERS, or of the system, with patience."""
    addresses = settings.DNS_RESOLVERS
    resolver = dns.asyncresolver.Resolver(configure=not addresses)
    resolver.lifetime = PATIENCE
    resolver.timeout = PATIENCE / 2  # for one server, before the next is asked
    if addresses:
        hosts = [address.partition(":") for address in addresses]
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(host, int(port or 53)) for host, _, port in hosts
        ]
    return resolver


def servers() -> list[str]:
    """Return the addresses of the resolvers that are asked, the first one first."""
    return [
        one if isinstance(one, str) else str(one.answer_nameserver())
        for one in configured().nameservers
    ]


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, type: str) -> Answer:
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await resolver.resolve(name, type, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.name.NameTooLong):
        return NOTHING
    except (dns.exception.DNSException, TimeoutError, OSError):
        return NO_ANSWER
    if type == "NS" and answer.canonical_name != answer.qname:
        return NOTHING  # an alias, whose target is a zone of somebody else's
    values = sorted({_text(type, record)[:LONGEST_VALUE] for record in answer})
    return Answer(State.FOUND, tuple(values[:MOST_VALUES]))


def _text(type: str, record: Any) -> str:
    if type == "TXT":
        # Readers join the strings without a space (RFC 6376 §3.6.2.2, RFC 7208 §3.3).
        return b"".join(record.strings).decode("utf-8", "replace").replace("\0", "")
    if type == "MX":
        return f"{record.preference} {_host(record.exchange)}"
    if type in ("CNAME", "NS"):
        return _host(record.target)
    return str(record.to_text())


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
