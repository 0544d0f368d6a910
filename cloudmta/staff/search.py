"""Search across all accounts by what staff have in hand: an id, an address, a domain, a name.

Nothing here reads a whole table of mail: all is found by an index however old, a recipient by the
events of the address, or among the newest as long as there are none.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max, Model, Q, QuerySet
from django.db.models.functions import Lower
from django.urls import reverse

from accounts.domain_names import to_a_label
from accounts.models import Account, Credential, User
from domains.addresses import AddressError, split_address
from domains.models import Domain
from events.models import Event, Suppression, Webhook
from events.suppressions import normal_form
from messages.models import Message, Recipient
from messages.search import spellings

MAX_TEXT = 320
# Recipients that are looked through for those without an event: tenths of a second.
NEWEST = 100_000
# Messages of one recipient that events lead to.
KNOWN = 1_000
# Of each kind that are shown.
MOST = 25

AN_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.I)


@dataclass(frozen=True, slots=True)
class Find:
    """One row that was found, and its page in the admin."""

    kind: str
    name: str
    note: str
    url: str


def find(text: str, user: User) -> list[Find]:
    """Return what a text names, of the kinds that the user may look at."""
    if not text or "\0" in text:
        return []
    return [
        _found(row, note)
        for permission, look in LOOKS
        if user.has_perm(permission)
        for row, note in look(text)
    ]


def _found(row: Model, note: object) -> Find:
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return Find(str(meta.verbose_name), str(row), str(note), url)


Rows = Iterator[tuple[Model, object]]


def _messages(text: str) -> Rows:
    """By our id, also inside a Message-ID that we made, or by another Message-ID."""
    if match := AN_ID.search(text):
        found = Message.objects.filter(pk=UUID(match[0]))
    elif "@" in text:
        header = text if text.startswith("<") else f"<{text}>"
        found = Message.objects.filter(message_id_header=header)
        # In no order, or the index of what is asked for might not be the one that is read.
        found = Message.objects.filter(pk__in=list(found.values_list("pk", flat=True)[:KNOWN]))
    else:
        return
    for message in _with_account(found):
        when = f"{message.accepted_at:%d %b %Y %H:%M} UTC"
        yield message, f"{message.account}, {when}, {message.subject[:80]}"


def _events(text: str) -> Rows:
    """Events outlive their message."""
    if match := AN_ID.fullmatch(text):
        for event in _with_account(Event.objects.filter(message_id=UUID(match[0]))):
            yield event, f"{event.account}, {event.timestamp:%d %b %Y %H:%M} UTC"


def _recipients(text: str) -> Rows:
    """By address: what its events lead to, and the newest, which may have none yet."""
    try:
        local_part, domain = split_address(text)
    except AddressError:
        return
    events = Event.objects.annotate(who=Lower("recipient")).filter(who__in=spellings(text))
    known = list(events.values_list("message_id", flat=True).distinct()[:KNOWN])
    highest = Recipient.objects.aggregate(highest=Max("pk"))["highest"] or 0
    found = Recipient.objects.filter(
        Q(message__in=known) | Q(pk__gt=highest - NEWEST),
        domain=domain, address__istartswith=f"{local_part}@",
    )  # fmt: skip
    for recipient in _with_account(found):
        yield recipient, f"{recipient.account}, {recipient.state}: {recipient.reply[:120]}"


def _suppressions(text: str) -> Rows:
    try:
        address = normal_form(text)
    except AddressError:
        return
    for suppression in _with_account(Suppression.objects.filter(address=address)):
        yield suppression, f"{suppression.account}, {suppression.reason}"


def _accounts(text: str) -> Rows:
    for account in Account.objects.filter(Q(public_id=text) | Q(name__istartswith=text))[:MOST]:
        yield account, account.public_id


def _credentials(text: str) -> Rows:
    """By user name, or by how the name begins that its owner has given it."""
    found = Credential.objects.filter(Q(username=text) | Q(name__istartswith=text))
    for credential in _with_account(found):
        yield credential, credential.account


def _domains(text: str) -> Rows:
    try:
        name = to_a_label(text.rpartition("@")[2])
    except ValueError:
        return
    for domain in _with_account(Domain.objects.filter(Q(name=name) | Q(public_id=text))):
        yield domain, domain.account


def _webhooks(text: str) -> Rows:
    if match := AN_ID.fullmatch(text):
        for webhook in _with_account(Webhook.objects.filter(pk=UUID(match[0]))):
            yield webhook, webhook.account


def _users(text: str) -> Rows:
    if "@" in text:
        for user in User.objects.filter(email=text.lower()):
            yield user, ", ".join(map(str, user.accounts.all()[:MOST]))


def _with_account(found: QuerySet) -> QuerySet:
    return found.select_related("account").order_by("-pk")[:MOST]


# What takes which permission to find.
LOOKS: tuple[tuple[str, Callable[[str], Rows]], ...] = (
    ("accounts.view_account", _accounts),
    ("mail.view_message", _messages),
    ("mail.view_recipient", _recipients),
    ("events.view_event", _events),
    ("events.view_suppression", _suppressions),
    ("domains.view_domain", _domains),
    ("accounts.view_credential", _credentials),
    ("events.view_webhook", _webhooks),
    ("accounts.view_user", _users),
)
