"""Find the addresses in the words of a notice that are those which failed.

Notices name others as well: the sender, a helpdesk, an alias. What counts is where an address
stands: at the head of a line, as in a list, or behind words such as "could not be delivered to".
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from messages.reports import addresses

MAX_LINES = 2000
MAX_LINE = 1000  # characters
MAX_CANDIDATES = 200

# Somebody to turn to, not somebody who was written to.
ROLES = re.compile(
    r"(?:mailer-daemon|postmaster|abuse|support|helpdesk|help|webmaster|hostmaster|admin"
    r"|administrator|noreply|no-reply|listserv|majordomo)@",
    re.IGNORECASE,
)

# How X.400 gateways write an Internet address.
_X400 = re.compile(r"\bsmtp[=:]", re.IGNORECASE)
_HEAD = re.compile(r"""([ \t]*+)(?:[>*\-+•·–"'<\[(]|rfc822;|mailto:|\d+[.)] |[ \t]++)*+""", re.I)
# What stands in front of an address that failed.
_FAILED = re.compile(
    r"""
    (?: (?:recipient|rcpt|addressee|addressed|address|user|mailbox|account|alias|userid)
          (?:e?s|\(e?s\))?(?:\ (?:name|address|not\ found|unknown|is|are|was|were|of|to)){0,3}
      | deliver(?:y|ed|ing)?\ [\w ]{0,60}to
      | (?:message|mail|e-?mail)\ to
      | undeliverable\ +to
      | attempts
      | (?:full|unknown\ user|unknown\ recipient|no\ such\ user|user\ unknown|user\ not\ found)
      | violation\ for
      | error-for
      | failed(?:\ (?:for|to|recipient|address))?
      | rejected(?:\ recipient)?
      | find|gateway\ for|reach|accept\ mail\ for
      | destinataire\w*|destinatari\w*|empf[äa]nger\w*|получател\w*|адрес\w*
      | 宛先\w*|收件人\w*|地址\w*|받는\ ?사람
      | to
    )
    [\s:,\"'<>\[(=.-]*+\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HEADER = re.compile(r"[ \t]*+(?:to|cc|an|à|para|a)[ \t]*+:", re.IGNORECASE)
_ALIAS = re.compile(r"(?:generated|expanded|originally addressed|forwarded) (?:from|to)\W*\Z", re.I)
_COMMAND = re.compile(r"rcpt (?:to|command)\W*\Z", re.IGNORECASE)
# Behind these words stands somebody else.
_OTHERS = re.compile(
    r"""
    (?: from|sender|by|cc|bcc|subject|message-id|return-path|envelope-from
      | contact|reply|e-?mail\ us|write\ to|mail\ to|please\ e-?mail|e-?mailing\ to
      | questions\ at|or\ at
      | if|try|e\.g
    )\W*\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may have failed, and where it stands."""

    address: str
    line: int
    indent: int
    rank: int  # the lower, the surer


ITEM, NAMED, ALIAS, HEADER, COMMAND, MENTIONED = range(6)


def find(lines: list[str], senders: Collection[str]) -> list[Candidate]:
    """Return the surest candidates in lines, in their order; senders are in lower case."""
    lines = ["", *(line[:MAX_LINE] for line in lines[:MAX_LINES])]
    found = [
        candidate
        for number, (previous, line) in enumerate(pairwise(lines))
        for candidate in _in_line(line, previous, number)
    ][:MAX_CANDIDATES]
    others = [one for one in found if one.address.lower() not in senders] or found
    others = [one for one in others if not ROLES.match(one.address)] or others
    sure = _without_deeper([one for one in others if one.rank <= NAMED])
    if sure:
        return sure
    rank = min((one.rank for one in others), default=MENTIONED)
    chosen = [one for one in others if one.rank == rank]
    if rank == MENTIONED and len({one.address.lower() for one in chosen}) > 1:
        return []
    return chosen


def _in_line(line: str, previous: str, number: int) -> Iterator[Candidate]:
    line = _X400.sub(" rcpt:", line)
    head = _HEAD.match(line)
    assert head  # it matches anything
    indent = len(head[1].expandtabs())
    places = list(addresses.occurrences(line))
    if places and places[0].start() <= head.end():
        rank = _rank(f"{previous.rstrip()} ", is_first=True)
        places = _items(line, places)
        ranks = [rank] * len(places)
    else:
        ranks = [_rank(line[: place.start()], is_first=False) for place in places]
    for place, rank in zip(places, ranks, strict=True):
        if rank is not None:
            yield Candidate(addresses.trimmed(place[0]), number, indent, rank)


def _items(line: str, places: list[re.Match[str]]) -> list[re.Match[str]]:
    """Return the addresses of a list at the head of a line; what follows tells about them."""
    items = places[:1]
    for place in places[1:]:
        between = line[items[-1].end() : place.start()].strip(" \t>\"'")
        if between == "<":
            items[-1] = place  # the one before was only its name
        elif between[:1] in (",", ";"):
            items.append(place)
        else:
            break
    return items


def _rank(before: str, is_first: bool) -> int | None:
    """Say what an address is by the text in front of it: None: somebody else."""
    before = before[-120:]
    if _COMMAND.search(before):
        return COMMAND
    if _ALIAS.search(before):
        return ALIAS
    if _OTHERS.search(before):
        return None
    if is_first:
        return ITEM
    if _HEADER.match(before.strip()):
        return HEADER
    return NAMED if _FAILED.search(before) else MENTIONED


def _without_deeper(found: list[Candidate]) -> list[Candidate]:
    """Leave out what stands deeper than the first item of a list: that belongs to the item."""
    first = next((one.indent for one in found if one.rank == ITEM), None)
    if first is None:
        return found
    return [one for one in found if one.rank != ITEM or one.indent <= first]
