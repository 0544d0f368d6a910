"""DKIM by CNAME: the owner of a domain publishes two names once, and keys change without them.

Each leads into a zone of the operator's, DKIM_ZONE, where the records of keys stand. One name is
that of the key which signs, the other that of the next; after a rotation they change places.
"""

from collections.abc import Iterator

from django.conf import settings

from domains import keys
from domains.models import Domain, KeyState, SigningKey
from domains.records import Record

FOR_NOW, FOR_LATER = "Leads to the key that signs", "Leads to the next key, which is made later"


def target(public_id: str, selector: str) -> str:
    """Return the name in the operator's zone that holds a key; "" where there is no such zone."""
    return f"{selector}.{public_id}.{settings.DKIM_ZONE}" if settings.DKIM_ZONE else ""


def of(domain: Domain, selector: str) -> tuple[Record, ...]:
    """Return the two aliases in place of the TXT record of a key; none where there is no zone."""
    if not settings.DKIM_ZONE or not domain.spare_selector:
        return ()
    return tuple(
        Record(
            name=f"{one}._domainkey.{domain.name}",
            type="CNAME",
            value=target(domain.public_id, one),
            purpose=purpose,
        )
        for one, purpose in ((selector, FOR_NOW), (domain.spare_selector, FOR_LATER))
    )


def published() -> Iterator[Record]:
    """Walk through the records that the operator's zone needs: one for each key in use."""
    if not settings.DKIM_ZONE:
        return
    live = SigningKey.objects.exclude(state=KeyState.RETIRED).select_related("domain")
    for key in live.order_by("domain__name", "id").iterator():
        yield Record(
            name=target(key.domain.public_id, key.selector),
            type="TXT",
            value=keys.dkim_record(key.public_key, key.algorithm),
            purpose=f"A key of {key.domain.name}",
        )
