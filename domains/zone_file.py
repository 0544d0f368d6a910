"""Write records as a zone file has them (RFC 1035 §5), for DNS servers that read one."""

from collections.abc import Iterable

from domains.records import Record, txt_chunks

TTL = 3600  # seconds: an hour until a mistake is mended everywhere


def zone_file(records: Iterable[Record]) -> str:
    """Return one line a record; names are in full, so that it suits any $ORIGIN."""
    return "".join(
        f"{record.name}. {TTL} IN {record.type} {data_of(record)}\n" for record in records
    )


def data_of(record: Record) -> str:
    """Return the data of a record; a text as strings of 255 octets at the most."""
    return strings_of(record.value) if record.type == "TXT" else f"{record.value}."


def strings_of(text: str) -> str:
    """Return a text as the strings in quotation marks that a TXT record holds it in."""
    return " ".join(f'"{_escaped(octets)}"' for octets in txt_chunks(text))


def _escaped(octets: bytes) -> str:
    # What is not printable ASCII is written as \DDD, in decimal (§5.1).
    return "".join(
        f"\\{chr(octet)}"
        if octet in b'"\\'
        else chr(octet)
        if 32 <= octet < 127
        else f"\\{octet:03}"
        for octet in octets
    )
