"""What to know about the panels of large DNS providers, by the name servers of a zone.

A table, to be added to. What it says is common knowledge about those panels, which change; nobody
has logged in to each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

RELATIVE = "It appends the zone to every name: enter the short name."
FULL = "Names may be entered in full or short."
WHOLE = "Enter the long TXT value in one piece; it is split for you."
NO_QUOTES = "Enter TXT values without quotation marks."


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of DNS, and what to do differently there."""

    name: str
    patterns: tuple[str, ...]  # how the names of its name servers end; * stands for anything
    hints: tuple[str, ...]


PROVIDERS = (
    Provider(
        "Cloudflare", ("ns.cloudflare.com",),
        ('Set the CNAME to "DNS only" (the grey cloud): a proxied name hides where it leads.',
         FULL, WHOLE),
    ),
    Provider(
        "Amazon Route 53", ("awsdns-*",),
        ("TXT values stand in quotation marks, and each string holds 255 characters at the most: "
         "use the value in two strings, as it is shown below.",
         "The console appends the zone: enter the short name."),
    ),
    Provider("GoDaddy", ("domaincontrol.com",), (RELATIVE, WHOLE, NO_QUOTES)),
    Provider(
        "Namecheap", ("registrar-servers.com", "namecheaphosting.com"),
        (RELATIVE, 'Records are under "Advanced DNS".', NO_QUOTES),
    ),
    Provider(
        "IONOS", ("ui-dns.com", "ui-dns.de", "ui-dns.org", "ui-dns.biz"),
        (RELATIVE, "A sub-domain with records of its own takes no CNAME: delete those first.",
         NO_QUOTES),
    ),
    Provider("Google Cloud DNS", ("googledomains.com",), (
        "Names are entered in full, with a dot at the end.",
        "TXT values stand in quotation marks, in strings of 255 characters at the most.",
    )),
    Provider("Squarespace", ("squarespacedns.com",), (RELATIVE, NO_QUOTES)),
    Provider(
        "Microsoft Azure DNS",
        ("azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"),
        (RELATIVE, WHOLE, NO_QUOTES),
    ),
    Provider("DigitalOcean", ("digitalocean.com",), (
        "The target of a CNAME needs a dot at its end.", RELATIVE, WHOLE,
    )),
    Provider("Hetzner", ("hetzner.com", "hetzner.de", "your-server.de", "first-ns.de"), (
        "The target of a CNAME needs a dot at its end, or the zone is appended to it.", RELATIVE,
    )),
    Provider("OVHcloud", ("ovh.net", "anycast.me", "ovh.ca"), (
        "The target of a CNAME needs a dot at its end.", RELATIVE, NO_QUOTES,
    )),
    Provider("Gandi", ("gandi.net",), (
        "The target of a CNAME needs a dot at its end.", RELATIVE,
        "In the text view TXT values stand in quotation marks.",
    )),
    Provider("netcup", ("root-dns.netcup.net", "second-dns.netcup.net", "third-dns.netcup.net"), (
        RELATIVE, NO_QUOTES,
    )),
    Provider("INWX", ("inwx.de", "inwx.com", "inwx.eu"), (FULL, NO_QUOTES)),
    Provider("STRATO", ("rzone.de",), (
        RELATIVE, "A CNAME of a sub-domain is set at that sub-domain, which you make first.",
    )),
    Provider("All-Inkl", ("kasserver.com",), (RELATIVE, NO_QUOTES)),
    Provider("united-domains", ("udag.de", "ud-dns.com"), (RELATIVE, NO_QUOTES)),
    Provider("Porkbun", ("porkbun.com",), (RELATIVE, WHOLE, NO_QUOTES)),
    Provider("Name.com", ("name.com",), (RELATIVE, NO_QUOTES)),
    Provider("Hover", ("hover.com",), (RELATIVE, NO_QUOTES)),
    Provider("Hostinger", ("dns-parking.com",), (RELATIVE, NO_QUOTES)),
    Provider("Wix", ("wixdns.net",), (RELATIVE, NO_QUOTES)),
    Provider("Linode", ("linode.com",), (RELATIVE, WHOLE)),
    Provider("DNSimple", ("dnsimple.com", "dnsimple-edge.net"), (RELATIVE, WHOLE)),
    Provider("Vercel", ("vercel-dns.com",), (RELATIVE, WHOLE)),
    Provider("NS1", ("nsone.net",), (FULL, WHOLE)),
)  # fmt: skip


def provider_of(name_servers: Iterable[str]) -> Provider | None:
    """Return the provider that serves a zone, None where it is none that we know."""
    for server in name_servers:
        for provider in PROVIDERS:
            if any(fnmatchcase(f".{server}", f"*.{one}") for one in provider.patterns):
                return provider
    return None
