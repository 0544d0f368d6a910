"""Answer for the DNS of the simulated world (RFC 1035): query bytes in, answer bytes out.

`sim.test` and every name under it takes mail at exchangers on loopback; a few names fail in the
ways that real ones do; other records are published at run time. Nothing else exists.
"""

from collections.abc import Iterable, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset
from dns.name import Name
from dns.rdatatype import RdataType

# Seconds. Short, so that a record changed in a test is seen by the next check.
TTL = 5

# What a datagram may hold when both sides speak EDNS (the figure of DNS flag day 2020), and
# when the client does not (RFC 1035 §4.2.1).
DATAGRAM_WITH_EDNS = 1232
DATAGRAM = 512
LARGEST_MESSAGE = 65535  # the length before a message over TCP has two octets (RFC 1035 §4.2.2)

# A chain of aliases is followed this far; a loop ends here too.
MOST_ALIASES = 8

# A DNS header, all of it, and the bit in its third octet that says "this is a response".
HEADER_LENGTH = 12
QR = 0x80

ORIGIN = dns.name.from_text("sim.test.")
EXCHANGERS = ("10 mx1.sim.test.", "20 mx2.sim.test.")

# These answer by failing, and so do the names under them.
NXDOMAIN = dns.name.from_text("nxdomain.sim.test.")
SERVFAIL = dns.name.from_text("servfail.sim.test.")
TIMEOUT = dns.name.from_text("timeout.sim.test.")

# Names with an address and no MX; every other name under sim.test has EXCHANGERS.
HOSTS = {
    dns.name.from_text("mx1.sim.test."): "127.0.0.1",
    dns.name.from_text("mx2.sim.test."): "127.0.0.2",
    # No MX at all: the domain itself is the host (RFC 5321 §5.1).
    dns.name.from_text("nomx.sim.test."): "127.0.0.1",
    # Loopback, where nobody listens.
    dns.name.from_text("dead.sim.test."): "127.0.0.99",
}
# "." as the only exchanger: the domain takes no mail (RFC 7505).
OTHER_EXCHANGERS: dict[str, Sequence[str]] = {
    "nullmx.sim.test": ["0 ."],
    "deadmx.sim.test": ["10 dead.sim.test."],
    # Where the demo's people have their addresses.
    "cloudmta.test": EXCHANGERS,
}


class Silence(Exception):
    """The name is one that is never answered."""


class Zone:
    """All names of the simulated world, and what is published under them."""

    def __init__(self) -> None:
        self.records: dict[Name, dict[RdataType, dns.rdataset.Rdataset]] = {}
        for host, address in HOSTS.items():
            self.publish(host.to_text(), "A", [address])
        for name, exchangers in OTHER_EXCHANGERS.items():
            self.publish(name, "MX", exchangers)

        # We are the only server there is, so one SOA at the root stands for all that does not
        # exist, and says how long that may be remembered (RFC 2308 §3).
        soa = f"sim.test. hostmaster.sim.test. 1 {TTL} {TTL} {TTL} {TTL}"
        self.nothing = dns.rrset.from_text(dns.name.root, TTL, "IN", "SOA", soa)

    def answer(self, query: bytes, *, datagram: bool = False) -> bytes | None:
        """Return the answer to one message, or None where silence is the answer."""
        try:
            request = dns.message.from_wire(query)
        except (dns.exception.DNSException, ValueError):
            return form_error(query)
        if request.flags & dns.flags.QR:
            return None  # a response: to answer it could start an endless exchange

        response = dns.message.make_response(request, recursion_available=True)
        try:
            response.set_rcode(self.fill(response))
        except Silence:
            return None
        return encode(response, largest_answer(request) if datagram else LARGEST_MESSAGE)

    def fill(self, response: dns.message.Message) -> dns.rcode.Rcode:
        """Put the records that were asked for into a response; return what it is called."""
        if response.opcode() != dns.opcode.QUERY:
            return dns.rcode.NOTIMP
        if len(response.question) != 1:
            return dns.rcode.FORMERR  # nobody defined what two questions mean (RFC 9619)
        question = response.question[0]
        if question.rdclass != dns.rdataclass.IN:
            return dns.rcode.REFUSED

        response.flags |= dns.flags.AA
        name = self.follow_aliases(response, question.name, question.rdtype)
        return self.settle(response, name, question.rdtype)

    def follow_aliases(self, response: dns.message.Message, name: Name, rdtype: RdataType) -> Name:
        """Add the CNAMEs that lead away from a name (RFC 1034 §3.6.2); return where they end."""
        for _ in range(MOST_ALIASES):
            alias = self.find(name, dns.rdatatype.CNAME)
            if alias is None or self.find(name, rdtype) is not None:
                break
            response.answer.append(dns.rrset.from_rdata_list(name, alias.ttl, list(alias)))
            name = alias[0].target
        return name

    def settle(
        self, response: dns.message.Message, name: Name, rdtype: RdataType
    ) -> dns.rcode.Rcode:
        """Answer for the name at the end of the aliases."""
        if name.is_subdomain(TIMEOUT):
            raise Silence
        if name.is_subdomain(SERVFAIL):
            return dns.rcode.SERVFAIL
        found = self.find(name, rdtype)
        if found is not None:
            response.answer.append(dns.rrset.from_rdata_list(name, found.ttl, list(found)))
            return dns.rcode.NOERROR
        response.authority.append(self.nothing)
        return dns.rcode.NOERROR if self.exists(name) else dns.rcode.NXDOMAIN

    def find(self, name: Name, rdtype: RdataType) -> dns.rdataset.Rdataset | None:
        """Return the records of one type at a name, if it has any."""
        here = self.records.get(name, {})
        if rdtype == dns.rdatatype.MX and rdtype not in here:
            # Every name takes mail, if it is not a host and has no alias to take it.
            is_host = name in HOSTS or dns.rdatatype.CNAME in here
            is_ours = name.is_subdomain(ORIGIN) and self.exists(name)
            return DEFAULT_EXCHANGERS if is_ours and not is_host else None
        return here.get(rdtype)

    def exists(self, name: Name) -> bool:
        """Tell a name without such records (NODATA) from a name that is not there (NXDOMAIN)."""
        if name in self.records:
            return True
        return name.is_subdomain(ORIGIN) and not name.is_subdomain(NXDOMAIN)

    def publish(self, name: str, type: str, values: Iterable[str], ttl: int = TTL) -> None:
        """Put records under a name, in place of those of the same type. ValueError: they are wrong.

        A value is what a zone file would say, except for TXT: there it is the plain text.
        """
        rdtype = type_of(type)
        rdatas = [rdata_of(rdtype, value) for value in values]
        if not rdatas:
            raise ValueError(f"{name} {type}: at least one value is needed")
        if not 0 <= ttl < 2**31:  # RFC 2181 §8
            raise ValueError(f"{name} {type}: a TTL is between 0 and 2147483647 seconds")
        records = dns.rdataset.from_rdata_list(ttl, rdatas)
        self.records.setdefault(name_of(name), {})[rdtype] = records

    def withdraw(self, name: str, type: str) -> bool:
        """Take the records of one type away from a name. False: there were none."""
        rdtype, owner = type_of(type), name_of(name)
        published = self.records.get(owner, {})
        if published.pop(rdtype, None) is None:
            return False
        if not published:
            del self.records[owner]
        return True


def type_of(type: str) -> RdataType:
    """Return the record type with a name such as "MX"."""
    try:
        rdtype = dns.rdatatype.from_text(type)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{type!r} is not a type of DNS record") from error
    if dns.rdatatype.is_metatype(rdtype):
        raise ValueError(f"{type!r} can be asked for and not be published")
    return rdtype


def rdata_of(rdtype: RdataType, value: str) -> dns.rdata.Rdata:
    """Return one record's data, from what a zone file would say of it."""
    if rdtype == dns.rdatatype.TXT:
        return text_of(value)
    try:
        # Every name is a full one, with or without the dot at its end.
        return dns.rdata.from_text(
            dns.rdataclass.IN, rdtype, value, origin=dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError) as error:
        kind = dns.rdatatype.to_text(rdtype)
        raise ValueError(f"{value!r} is not the value of a {kind} record") from error


def text_of(text: str) -> dns.rdata.Rdata:
    """Cut a text into strings of up to 255 octets (RFC 1035 §3.3), as a long DKIM key needs."""
    octets = text.encode()
    strings = [octets[start : start + 255] for start in range(0, len(octets), 255)]
    if len(octets) + len(strings) > LARGEST_MESSAGE // 2:
        raise ValueError(f"a TXT record of {len(octets)} octets is too long for an answer")
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings or [b""])


def name_of(name: str) -> Name:
    """Return an absolute name, whether the dot at its end is written or not."""
    try:
        return dns.name.from_text(name)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{name!r} is not a domain name") from error


def largest_answer(request: dns.message.Message) -> int:
    """Return how many octets a datagram may bring to the one who asks (RFC 6891 §6.2.3)."""
    if request.edns < 0:
        return DATAGRAM
    return min(max(request.payload, DATAGRAM), DATAGRAM_WITH_EDNS)


def encode(response: dns.message.Message, largest: int) -> bytes:
    """Return a response as bytes; what does not fit is cut off and the TC bit says so."""
    return response.to_wire(max_size=largest, prefer_truncation=True)


def form_error(query: bytes) -> bytes | None:
    """Say that a message could not be read, if it was a query at all (RFC 1035 §4.1.1)."""
    if len(query) < HEADER_LENGTH or query[2] & QR:
        return None
    header = bytearray(HEADER_LENGTH)  # no question, no records
    header[0:2] = query[0:2]
    header[2] = QR | query[2] & 0x79  # their opcode and RD
    header[3] = dns.rcode.FORMERR
    return bytes(header)


DEFAULT_EXCHANGERS = dns.rdataset.from_rdata_list(
    TTL, [rdata_of(dns.rdatatype.MX, value) for value in EXCHANGERS]
)
