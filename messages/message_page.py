"""The page of one message: its facts, and the story of each recipient from acceptance on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.message_class import MessageClass
from accounts.models import Account
from accounts.views import account_required
from domains.addresses import AddressError
from events import suppressions
from events.models import Event, Suppression
from messages.models import OPEN, Attempt, IncomingReport, Message, Recipient, State

# Events that are shown; a link can be followed a thousand times.
MOST_EVENTS = 300
# Of reports that say something an event tells.
TOLD_NOTHING = (IncomingReport.State.IGNORED, IncomingReport.State.UNCLASSIFIED)


@require_safe
@account_required
def message_detail(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Tell what each recipient of a message met, in the order of time."""
    message = find(account, message_id)
    events = events_of(message)
    stories = stories_of(message, events)
    context = {
        "message": message,
        "stories": stories,
        # A list, for a template would take a name called "items" for the method.
        "metadata": list(message.metadata.items()),
        "events_cut": MOST_EVENTS if len(events) > MOST_EVENTS else 0,
        "may_be_cancelled": any(story.waits for story in stories),
    }
    return render(request, "messages/timeline.html", context)


def find(account: Account, message_id: UUID) -> Message:
    """Return a message of the account. Raises Http404."""
    return get_object_or_404(
        Message.objects.select_related("credential"), account=account, id=message_id
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on a recipient's timeline: an attempt of ours with its event, or an event alone.

    Or mail that came back and made no event, as nothing to report was found in it.
    """

    when: datetime
    attempt: Attempt | None = None
    event: Event | None = None
    report: IncomingReport | None = None
    details: list[tuple[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    """A recipient, and all that happened to it in the order of time."""

    recipient: Recipient
    entries: list[Entry]
    suppressed_for: Suppression.Reason | None  # why nothing is sent to the address from now on

    @property
    def waits(self) -> bool:
        return self.recipient.state in OPEN and self.recipient.state != State.LEASED


def events_of(message: Message) -> list[Event]:
    """Return the first events of a message, and one more where there are more than are shown."""
    theirs = Event.objects.filter(account=message.account_id, message_id=message.id)
    return list(theirs.order_by("id")[: MOST_EVENTS + 1])


def stories_of(message: Message, events: list[Event]) -> list[Story]:
    """Return what each recipient met, in as many queries for twenty as for one."""
    attempts = Attempt.objects.order_by("number", "id")
    silent = IncomingReport.objects.filter(state__in=TOLD_NOTHING).order_by("id")
    recipients = message.recipients.order_by("id").prefetch_related(
        Prefetch("attempts", attempts), Prefetch("reports", silent.defer("content"))
    )
    by_recipient: dict[str, list[Event]] = defaultdict(list)
    for event in events[:MOST_EVENTS]:
        by_recipient[event.recipient].append(event)
    reasons = suppressed(message, recipients)
    return [
        Story(
            recipient,
            _entries(recipient, by_recipient[recipient.address]),
            reasons.get(recipient.address),
        )
        for recipient in recipients
    ]


def suppressed(message: Message, recipients: Iterable[Recipient]) -> dict[str, Suppression.Reason]:
    """Return to which addresses a message like this would not be sent now, and why."""
    asked: dict[str, suppressions.Asked] = {}
    for one in recipients:
        try:
            form = suppressions.normal_form(one.address)
        except AddressError:
            continue
        asked[one.address] = (one.account_id, form, MessageClass(message.message_class))
    reasons = suppressions.suppressed(asked.values())
    return {address: reasons[key] for address, key in asked.items() if key in reasons}


def _entries(recipient: Recipient, told: Sequence[Event]) -> list[Entry]:
    """Put attempts, events and reports in order; what an attempt led to stands with it."""
    of_attempts = {_attempt_number(one): one for one in reversed(told)}
    entries = [Entry(report.received_at, report=report) for report in recipient.reports.all()]
    for attempt in recipient.attempts.all():
        event = of_attempts.get(attempt.number)
        entries.append(Entry(attempt.started_at, attempt, event, details=_details(event)))
    placed = {entry.event.id for entry in entries if entry.event}
    entries += [
        Entry(one.timestamp, event=one, details=_details(one))
        for one in told
        if one.id not in placed
    ]
    return sorted(entries, key=lambda entry: entry.when)


def _attempt_number(event: Event) -> object:
    """Return which attempt led to an event; None: it came by itself, or in a report."""
    return None if "source" in event.details else event.details.get("attempt")


def _details(event: Event | None) -> list[tuple[str, object]]:
    # A list, for a template would take a detail called "items" for the method.
    details = event.details.items() if event else ()
    return [(name, value) for name, value in details if value not in ("", None)]
