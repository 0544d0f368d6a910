"""Find the zone that a domain's records stand in, and who serves it (RFC 1034 §4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from domains.public_suffixes import registrable
from domains.resolver import Answer, Question


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone, and the hosts that serve it; "" where nobody was seen to."""

    name: str = ""
    servers: tuple[str, ...] = ()


def candidates(domain: str) -> list[str]:
    """List the names that may be the zone of a domain, itself first, the registered name last."""
    last = registrable(domain) or domain
    names = [domain]
    while names[-1] != last:
        names.append(names[-1].partition(".")[2])
    return names


def questions(domain: str) -> list[Question]:
    """List what must be asked to know the zone of a domain."""
    return [(name, "NS") for name in candidates(domain)]


def seen(domain: str, answers: Mapping[Question, Answer]) -> Zone:
    """Return the zone of a domain: the nearest name that has name servers."""
    for name in candidates(domain):
        if servers := answers[name, "NS"].values:
            return Zone(name, servers)
    return Zone()
