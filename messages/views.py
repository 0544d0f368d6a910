"""The pages of an account's messages: the list, newest first, and the story of each one."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import account_required
from domains.models import Domain
from events.models import Event
from messages.models import Attempt, Content, Message, Recipient

PAGE = 50
# Characters of a subject or a From that a row shows; both may be as long as a header.
MAX_SHOWN = 200


@require_safe
@account_required
def message_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List messages, newest first; `before` is the id of the last message of the page before."""
    before = _before(request)
    found = _newest(account, before)
    page = found[:PAGE]
    context: dict[str, object] = {
        "message_list": page,
        "before": before,
        "older": f"?before={page[-1].id}" if len(found) > PAGE else "",
    }
    if not page and not before:
        context["command"] = _first_command(request, account)
    return render(request, "messages/list.html", context)


def _before(request: HttpRequest) -> UUID | None:
    text = request.GET.get("before")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Http404 from None


def _newest(account: Account, before: UUID | None) -> list[Message]:
    """Return a page of messages with their recipients, and one more where there are more."""
    theirs = Message.objects.filter(account=account)
    if before:
        theirs = theirs.filter(id__lt=before)
    recipients = Recipient.objects.order_by("id").defer("domain", "lease")
    return list(
        theirs.annotate(
            subject_shown=Left("subject", MAX_SHOWN), from_shown=Left("header_from", MAX_SHOWN)
        )
        .defer("subject", "header_from", "reverse_path", "message_id_header")
        .prefetch_related(Prefetch("recipients", recipients))
        .order_by("-id")[: PAGE + 1]
    )


def _first_command(request: HttpRequest, account: Account) -> str:
    """Return the command that sends a first message, with the account's own values."""
    credential = account.credentials.filter(revoked_at=None).order_by("id").first()
    domain = Domain.objects.filter(account=account, verified_at__isnull=False).first()
    host = "127.0.0.1" if settings.DEVELOPMENT else settings.OPERATOR_HOST
    lines = (
        f"swaks --server {host}:{settings.SUBMISSION_PORTS[0]} --tls",
        f"--auth-user {credential.username if credential else 'YOUR-CREDENTIAL'}",
        f"--from hello@{domain.name if domain else 'your-domain.example'}",
        # Where the simulator is the world, nobody else can be reached.
        f"--to {'delivered@sim.test' if settings.DEVELOPMENT else request.user}",
        '--header "Subject: Hello"',
        '--body "It works."',
    )
    return " \\\n  ".join(lines)


@require_safe
@account_required
def message_detail(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Tell all there is to know of one message: its facts, and what each recipient met."""
    message = get_object_or_404(
        Message.objects.select_related("credential"), account=account, id=message_id
    )
    context = {"message": message, "stories": _stories(message)}
    return render(request, "messages/detail.html", context)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on a recipient's timeline: an attempt of ours, or an event."""

    when: datetime
    attempt: Attempt | None = None
    event: Event | None = None
    details: list[tuple[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    """A recipient, and all that happened to it in the order of time."""

    recipient: Recipient
    entries: list[Entry]


def _stories(message: Message) -> list[Story]:
    attempts = Attempt.objects.order_by("number", "id")
    recipients = message.recipients.order_by("id").prefetch_related(Prefetch("attempts", attempts))
    events: dict[str, list[Event]] = defaultdict(list)
    for event in Event.objects.filter(account=message.account_id, message_id=message.id):
        events[event.recipient].append(event)
    return [
        Story(recipient, _entries(recipient.attempts.all(), events[recipient.address]))
        for recipient in recipients
    ]


def _entries(attempts: Iterable[Attempt], events: Iterable[Event]) -> list[Entry]:
    entries = [Entry(attempt.started_at, attempt=attempt) for attempt in attempts]
    entries += [Entry(one.timestamp, event=one, details=_details(one)) for one in events]
    return sorted(entries, key=lambda entry: entry.when)


def _details(event: Event) -> list[tuple[str, object]]:
    # A list, for a template would take a detail called "items" for the method.
    return [(name, value) for name, value in event.details.items() if value not in ("", None)]


@require_safe
@account_required
def message_source(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Hand out the content as a file; as text, so that no browser runs what is in it."""
    content = get_object_or_404(Content, message__account=account, message_id=message_id)
    return HttpResponse(
        bytes(content.data),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{message_id}.eml"'},
    )
