"""Find messages of an account: by time, by facts, by recipients, or by the words of a search box.

Ids and times have an index; a recipient is found by the events of the address, a Message-ID by an
index of its own. All else is looked for in the newest messages of the time that is asked about, so
that no search reads a whole table.
"""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import BooleanField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Lower

from accounts.domain_names import to_unicode
from accounts.message_class import BY_NAME
from accounts.models import Account
from domains.addresses import AddressError, normalise_domain, split_address
from events.identifiers import first_id_at
from events.models import Event
from messages.models import Message, Recipient

# Rows that a search without an index looks through: some milliseconds' worth.
NEWEST = 10_000
# Messages to one recipient that an index leads to at once.
MOST = 1_000

Row = TypeVar("Row", bound=Model)


def find(account: Account, asked: Mapping[str, Any]) -> QuerySet[Message]:
    """Return the messages that are asked for, by the names in docs/api.md."""
    found = _in_time(Message.objects.filter(account=account), asked)
    text = asked.get("query", "")
    if message_id := _message_id(text):
        return found.filter(_facts(asked), _recipients(asked), id=message_id)
    condition = _condition(asked)
    if not condition:
        return found
    among_newest = newest(found).filter(condition)
    if not _names_somebody(asked):
        return among_newest
    # What has no event yet is new, but for mail that is held; all else is known by its events.
    ids = set(among_newest.order_by("-pk").values_list("pk", flat=True)[:MOST])
    ids |= _known(account, asked)
    return found.filter(condition, pk__in=ids)


def _condition(asked: Mapping[str, Any]) -> Q:
    """Return all that must hold beside the time; an empty condition where nothing is asked."""
    return _facts(asked) & _recipients(asked) & _words(asked.get("query", ""))


def oldest_searched(account: Account, asked: Mapping[str, Any]) -> UUID | None:
    """Return the id of the oldest message that a search looks at; None: there is none older."""
    if _message_id(asked.get("query", "")) or not _condition(asked):
        return None
    theirs = _in_time(Message.objects.filter(account=account), asked)
    if _names_somebody(asked):
        known = _known(account, asked)
        return min(known) if len(known) >= MOST else None
    last_two = theirs.order_by("-pk").values_list("pk", flat=True)[NEWEST - 1 : NEWEST + 1]
    oldest, *older = [*last_two, None]
    return oldest if any(older) else None


def _names_somebody(asked: Mapping[str, Any]) -> bool:
    """Say whether a recipient or a Message-ID is asked for, which have an index."""
    return "recipient" in asked or "@" in asked.get("query", "")[1:]


def _known(account: Account, asked: Mapping[str, Any]) -> set[UUID]:
    """Return the ids of the newest messages that an address or a Message-ID leads to."""
    text = asked.get("recipient") or asked["query"]
    events = Event.objects.annotate(who=Lower("recipient")).filter(
        account=account, who__in=spellings(text)
    )
    if "since" in asked:
        events = events.filter(message_id__gte=first_id_at(asked["since"]))
    if "until" in asked:
        events = events.filter(message_id__lt=first_id_at(asked["until"]))
    ids = events.order_by("-message_id").values_list("message_id", flat=True).distinct()
    # In no order, or the index of what is asked for might not be the one that is read.
    theirs = Message.objects.filter(account=account, message_id_header=_header(text))
    return {*ids[:MOST], *theirs.values_list("pk", flat=True)[:MOST]}


def spellings(text: str) -> set[str]:
    """Return how an address may stand in an event, in lower case: as typed, and as DNS has it."""
    known = {text.lower()}
    try:
        local_part, domain = split_address(text)
    except AddressError:
        return known
    return known | {f"{local_part}@{name}".lower() for name in (domain, to_unicode(domain))}


def newest(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Keep to the newest of rows whose ids are in the order of time."""
    ids = rows.order_by("-pk").values_list("pk", flat=True)
    oldest = ids[NEWEST - 1 : NEWEST].first()
    return rows if oldest is None else rows.filter(pk__gte=oldest)


def _in_time(found: QuerySet[Message], asked: Mapping[str, Any]) -> QuerySet[Message]:
    if "since" in asked:
        found = found.filter(id__gte=first_id_at(asked["since"]))
    if "until" in asked:
        found = found.filter(id__lt=first_id_at(asked["until"]))
    return found


def _message_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _facts(asked: Mapping[str, Any]) -> Q:
    """Return the condition that a message itself must meet."""
    condition = Q()
    if "tag" in asked:
        condition &= Q(tags__contains=[asked["tag"]])
    if "priority" in asked:
        condition &= Q(message_class=BY_NAME[asked["priority"]])
    if "domain" in asked:
        condition &= Q(sender_domain=asked["domain"].lower())
    if "test_mode" in asked:
        condition &= Q(is_test=asked["test_mode"])
    if "credential" in asked:
        condition &= Q(credential__username=asked["credential"])
    if "event" in asked:
        told = Event.objects.filter(message_id=OuterRef("pk"), kind=asked["event"])
        condition &= _is_there(told)
    return condition


def _recipients(asked: Mapping[str, Any]) -> Q:
    """Return the condition that one of the recipients must meet."""
    condition = Q()
    if "state" in asked:
        condition &= Q(state=asked["state"])
    if "recipient" in asked:
        condition &= _address(asked["recipient"])
    return _has_recipient(condition) if condition else Q()


def _has_recipient(condition: Q) -> Q:
    return _is_there(Recipient.objects.filter(condition, message=OuterRef("pk")))


def _is_there(rows: QuerySet[Any]) -> Q:
    """Return the condition that there is such a row of a message.

    Not by EXISTS, which PostgreSQL may turn around: then it reads all rows of all accounts once,
    instead of looking up those of some thousand messages.
    """
    found = rows.order_by().values(found=Value(True))[:1]
    return Q(Subquery(found, output_field=BooleanField()))


def _address(text: str) -> Q:
    """Return the condition for an address, however its domain and its case are written."""
    try:
        local_part, domain = split_address(text)
    except AddressError:
        return Q(address=text)  # no such address can have been taken
    return Q(domain=domain, address__istartswith=f"{local_part}@")


def _domain(text: str) -> str:
    try:
        return normalise_domain(text)
    except AddressError:
        return text  # nobody is there


def _words(text: str) -> Q:
    """Return the condition for the search box: a recipient, a Message-ID, or words of a subject.

    "@example.net" finds all recipients of a domain.
    """
    if text.startswith("@"):
        return _has_recipient(Q(domain=_domain(text[1:])))
    if "@" in text:
        return _has_recipient(_address(text)) | Q(message_id_header=_header(text))
    condition = Q()
    for word in text.split():
        condition &= Q(subject__icontains=word)
    return condition


def _header(text: str) -> str:
    return text if text.startswith("<") else f"<{text}>"
