"""What replies make us do: some servers say in words that they want less, or nothing for a while.

A rule reads what a server said, never what we say ourselves: a suspension that matched its own
deferrals would keep itself alive (delivery S6).
"""

import re
from dataclasses import dataclass

from messages.shaping.limits import NO_LIMITS, Limits
from messages.smtp.replies import Reply

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Rule:
    """When a reply that fits has come so often in an hour, this is done for so long."""

    name: str  # as pages show it
    pattern: re.Pattern[str]
    seconds: int  # how long
    times: int = 1  # in an hour; 1: at once
    suspends: bool = False  # nothing is sent at all
    limits: Limits = NO_LIMITS
    providers: tuple[str, ...] = ()  # whose replies; (): anybody's


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


RULES = (
    Rule(
        "Yahoo defers for complaints", _pattern(r"\[TSS?0[1-5]\]"),
        2 * HOUR, suspends=True, providers=("Yahoo",),
    ),
    Rule(
        "Yahoo limits the rate", _pattern(r"\[(TSS?(0[6-9]|1\d)|RL\d+)\]|rate.?limit"),
        30 * MINUTE, times=2, limits=Limits(connections=2, messages_per_minute=60),
        providers=("Yahoo",),
    ),
    Rule(
        "Google sees an unusual rate", _pattern(r"unusual rate of|rate limit exceeded|4\.7\.28"),
        30 * MINUTE, times=2, limits=Limits(messages_per_minute=10), providers=("Google",),
    ),
    Rule(
        "Microsoft limits the rate for reputation", _pattern(r"rate limited due to ip reputation"),
        90 * MINUTE, limits=Limits(connections=1, messages_per_minute=1),
        providers=("Microsoft 365", "Outlook.com"),
    ),
    Rule(
        "Microsoft counts connections", _pattern(r"exceeded the maximum number of connections"),
        HOUR, limits=Limits(connections=1), providers=("Microsoft 365", "Outlook.com"),
    ),
    Rule(
        "Microsoft is busy", _pattern(r"4\.7\.500|4\.3\.2.*(server busy|throttl)"),
        15 * MINUTE, times=5, limits=Limits(connections=2, messages_per_minute=60),
        providers=("Microsoft 365", "Outlook.com"),
    ),
    Rule(
        "Microsoft has blocked our address", _pattern(r"5\.7\.60[6-9]|part of their network is on"),
        HOUR, times=3, suspends=True, providers=("Microsoft 365", "Outlook.com"),
    ),
    Rule(
        "Comcast limits the rate", _pattern(r"RL00000\d"),
        30 * MINUTE, limits=Limits(connections=2, messages_per_minute=30), providers=("Comcast",),
    ),
    Rule(
        "Orange limits connections", _pattern(r"OFR_?\d+|LPN00\d|too many connections"),
        30 * MINUTE, limits=Limits(connections=1, messages_per_minute=30),
        providers=("Orange", "La Poste", "Free"),
    ),
    Rule(
        "GMX limits connections", _pattern(r"nemesis.*(not available|try again later)"),
        30 * MINUTE, times=2, limits=Limits(connections=1), providers=("GMX and WEB.DE",),
    ),
    Rule(
        "The site asks us to slow down",
        _pattern(r"slow(ing)? down|throttl|too many (messages|mails|e-?mails)|rate.?limit"
                 r"|sending (too fast|rate)"),
        10 * MINUTE, times=3, limits=Limits(connections=2, messages_per_minute=60),
    ),
    Rule(
        "The site finds us on a block list",
        _pattern(r"(spamhaus|spamcop|barracuda(central|networks)|sorbs|uceprotect)"),
        HOUR, times=5, limits=Limits(connections=1, messages_per_minute=10),
    ),
)  # fmt: skip


# An address, or a mailbox (RFC 3463 §3.2, §3.3): its being full says nothing about the site.
ABOUT_A_RECIPIENT = (".1", ".2")


def matching(reply: Reply, provider: str | None) -> list[Rule]:
    """Return the rules that a reply of this provider's server fits."""
    if reply.is_positive or not reply.is_remote:
        return []
    text = str(reply)
    # What one provider's words mean is known, whatever status stands before them.
    is_about_us = reply.status[1:3] not in ABOUT_A_RECIPIENT
    return [
        rule
        for rule in RULES
        if (provider in rule.providers if rule.providers else is_about_us)
        and rule.pattern.search(text)
    ]
