"""The large providers: how their exchangers are called, and what each of them bears.

Many of them give each customer an exchanger of its own (Microsoft), or take mail for thousands of
domains at one set (Google): so limits stand for each site and for all sites of a provider together.
The figures are what senders have found to work and what providers publish; staff override them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from messages.shaping.limits import NO_LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider; `suffixes` are the ends of the names of its exchangers."""

    name: str
    suffixes: tuple[str, ...]
    each: Limits = NO_LIMITS  # of one site
    total: Limits = NO_LIMITS  # of all its sites together


PROVIDERS = (
    Provider(
        "Google", ("google.com", "googlemail.com", "smtp.goog"),
        Limits(connections=5, messages_per_connection=50), Limits(connections=20),
    ),
    Provider(
        "Microsoft 365", ("mail.protection.outlook.com", "mx.microsoft", "mail.eo.outlook.com"),
        Limits(connections=5, messages_per_connection=50), Limits(connections=50),
    ),
    Provider(
        "Outlook.com", ("olc.protection.outlook.com",),
        Limits(connections=5, messages_per_connection=50), Limits(connections=10),
    ),
    Provider(
        "Yahoo", ("yahoodns.net",),
        Limits(connections=10, messages_per_connection=20), Limits(connections=20),
    ),
    Provider(
        "Apple", ("icloud.com", "mail.me.com"),
        Limits(connections=10, messages_per_connection=5),
    ),
    Provider("Comcast", ("comcast.net",), Limits(connections=25, messages_per_connection=1000)),
    Provider("Orange", ("orange.fr", "wanadoo.fr"), Limits(connections=2), Limits(connections=2)),
    Provider("Free", ("free.fr",), Limits(connections=2, messages_per_connection=50)),
    Provider("La Poste", ("laposte.net",), Limits(connections=2, messages_per_connection=50)),
    Provider(
        "GMX and WEB.DE", ("gmx.net", "web.de", "mail.com"),
        Limits(connections=4, messages_per_connection=20), Limits(connections=8),
    ),
    Provider(
        "Telekom", ("t-online.de",), Limits(connections=4, messages_per_connection=50),
    ),
    Provider(
        "IONOS", ("kundenserver.de", "ionos.com", "1and1.com"),
        Limits(connections=5, messages_per_connection=50), Limits(connections=10),
    ),
    Provider("OVHcloud", ("ovh.net",), Limits(connections=5), Limits(connections=10)),
    Provider(
        "Mimecast", ("mimecast.com", "mimecast.co.za"),
        Limits(connections=5, messages_per_connection=100), Limits(connections=20),
    ),
    Provider(
        "Proofpoint", ("pphosted.com", "ppe-hosted.com"),
        Limits(connections=5, messages_per_connection=100), Limits(connections=20),
    ),
    Provider(
        "Barracuda", ("barracudanetworks.com",),
        Limits(connections=5, messages_per_connection=50), Limits(connections=20),
    ),
    Provider(
        "Zoho", ("zoho.com", "zoho.eu", "zohomail.com"), Limits(connections=5),
        Limits(connections=10),
    ),
    Provider(
        "Yandex", ("yandex.net", "yandex.ru"),
        Limits(connections=5, messages_per_connection=20),
    ),
    Provider("Mail.ru", ("mail.ru",), Limits(connections=5, messages_per_connection=20)),
    Provider("Tencent", ("qq.com",), Limits(connections=3, messages_per_connection=20)),
    Provider("NetEase", ("netease.com", "163.com", "126.com"), Limits(connections=3)),
    Provider("Fastmail", ("messagingengine.com",), Limits(connections=5)),
    Provider("Proton", ("protonmail.ch",), Limits(connections=5)),
)  # fmt: skip


def provider_of(hosts: Iterable[str]) -> Provider | None:
    """Return whose exchangers all of these are; one that is somebody else's makes it nobody's."""
    hosts = list(hosts)
    return next((one for one in PROVIDERS if all_lie_under(hosts, one.suffixes)), None)


def all_lie_under(hosts: Iterable[str], suffixes: Iterable[str]) -> bool:
    """Say whether each host has one of these names, or lies below one."""
    dotted = tuple(f".{suffix}" for suffix in suffixes)
    return all(f".{host}".endswith(dotted) for host in hosts)
