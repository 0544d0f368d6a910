"""Tell addresses of the public Internet from all others (RFC 6890)."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

# Private, shared, special and multicast addresses, by the registries of IANA. Python's own list
# has gaps, and others in each version.
FORBIDDEN = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "::/3", "4000::/2", "8000::/1",  # all but 2000::/3, the global unicast of IPv6
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
]  # fmt: skip
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address (RFC 6052)


# Some address of the public Internet, to which nothing is ever sent.
FAR_AWAY = ("2001:4860:4860::8888", 53)


def has_ipv6_route() -> bool:
    """Say whether this machine has a way to the public Internet by IPv6. Sends nothing."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect(FAR_AWAY)  # of a datagram socket: it looks for a route, no more
            return is_public(ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]))
    except OSError:
        return False


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address can be that of somebody else's server."""
    reached = _reached(address)
    return not any(reached in network for network in FORBIDDEN)


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return where an address leads: some of IPv6 are another form of one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
