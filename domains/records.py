"""Say which DNS records a sending domain needs, and why."""

from dataclasses import dataclass

from domains import keys
from domains.models import Algorithm

STRING_LENGTH = 255  # octets in one character-string of a TXT record (RFC 1035 §3.3)


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record that we ask for."""

    name: str  # in full, without a last dot
    type: str
    value: str
    purpose: str
    required: bool = True  # False: recommended, and never in the way of sending


def expected_records(
    domain_name: str,
    mta_label: str,
    selector: str,
    public_key: str,
    operator_host: str,
    algorithm: str = Algorithm.RSA,
) -> list[Record]:
    """List what the owner of a domain has to publish, in the order of the page."""
    return [
        Record(
            name=f"{mta_label}.{domain_name}",
            type="CNAME",
            value=operator_host,
            purpose="Brings bounces back to us, and passes SPF",
        ),
        Record(
            name=f"{selector}._domainkey.{domain_name}",
            type="TXT",
            value=keys.dkim_record(public_key, algorithm),
            purpose="Lets receivers check our DKIM signature",
        ),
        Record(
            name=f"_dmarc.{domain_name}",
            type="TXT",
            value="v=DMARC1; p=none;",
            purpose="Tells receivers that you use DMARC; large ones ask for it",
            required=False,
        ),
    ]


def txt_chunks(value: str) -> list[bytes]:
    """Split a text into the strings of a TXT record, which readers join again without a space."""
    octets = value.encode()
    starts = range(0, max(len(octets), 1), STRING_LENGTH)
    return [octets[start : start + STRING_LENGTH] for start in starts]
