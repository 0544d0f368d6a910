"""Domain names as accounts keep them: lower-case A-labels (RFC 5890 §2.3.2.1)."""

import idna


def to_a_label(name: str) -> str:
    """Return a domain name as it is kept. Raises ValueError with a sentence where it is none."""
    try:
        return idna.encode(name.strip().removesuffix("."), uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        raise ValueError(f"{name[:100]} is no domain name") from None


def to_unicode(name: str) -> str:
    """Return a domain name as people write it; as it is where that cannot be said."""
    try:
        return idna.decode(name)
    except idna.IDNAError:
        return name
