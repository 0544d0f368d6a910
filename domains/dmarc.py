"""Read DMARC records (RFC 7489 §6.3), and make one out of what is there that suits our mail too."""

from collections.abc import Sequence
from dataclasses import dataclass

STRICTEST = ("none", "quarantine", "reject")
# Addresses that reports go to, when several records are merged.
MOST_ADDRESSES = 10


@dataclass(frozen=True, slots=True)
class Merged:
    """One record in place of those that were found, and what was changed, in sentences."""

    value: str
    changes: tuple[str, ...]  # none: it is good as it stands


def merge(found: Sequence[str], *, signs_as_mta: bool) -> Merged:
    """Return the record to have in place of those that are there; at least one is.

    Their own wishes stay: the strictest policy of several, and every address for reports. Tags that
    we do not know stay as they are.
    """
    readings = [parse(text) for text in found]
    tags, changes = dict(readings[0]), []
    if len(found) > 1:
        changes.append("There are several, which count as none: this one holds what they say.")
        for other in readings[1:]:
            tags = _both(tags, other)
    if tags.get("p", "").lower() not in STRICTEST:
        tags["p"] = "none"
        changes.append("It has no policy that receivers know, so they ignore it: p=none is added.")
    if signs_as_mta and tags.get("adkim", "r").lower() == "s":
        tags["adkim"] = "r"
        changes.append(
            "adkim=s asks for a signature of the very domain, and the key stands below its mta. "
            "name: adkim=r lets that count. Or publish the key under the domain itself."
        )
    return Merged(write(tags) if changes else found[0], tuple(changes))


def _both(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    tags = other | one
    for name in ("p", "sp"):
        wishes = [tags_of[name].lower() for tags_of in (one, other) if name in tags_of]
        known = [wish for wish in wishes if wish in STRICTEST]
        if known:
            tags[name] = max(known, key=STRICTEST.index)
    for name in ("rua", "ruf"):
        addresses = dict.fromkeys(
            address.strip()
            for tags_of in (one, other)
            for address in tags_of.get(name, "").split(",")
            if address.strip()
        )
        if addresses:
            tags[name] = ",".join(list(addresses)[:MOST_ADDRESSES])
    return tags


def parse(text: str) -> dict[str, str]:
    """Read the tags of a record, the first of each name; what is no tag is passed over."""
    tags: dict[str, str] = {}
    for tag in text.split(";"):
        name, equals, value = tag.partition("=")
        if equals and name.strip():
            tags.setdefault(name.strip().lower(), value.strip())
    return tags


def write(tags: dict[str, str]) -> str:
    """Return tags as a record; the version and the policy come first (§6.3)."""
    first = {"v": "DMARC1", "p": tags["p"]}
    rest = {name: value for name, value in tags.items() if name not in first}
    return "; ".join(f"{name}={value}" for name, value in (first | rest).items())
