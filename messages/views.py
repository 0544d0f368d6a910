"""The list of an account's messages: newest first, searched and filtered, and as a file."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Left
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import account_required
from domains.models import Domain
from events import suppression_csv
from events.identifiers import time_of
from messages import search
from messages.connecting import access, snippets
from messages.message_filter import CLASSES, FilterForm, applied
from messages.models import Message, Recipient, State
from messages.templatetags.wording import STATES

PAGE = 50
# Characters of a subject or a From that a row shows; both may be as long as a header.
MAX_SHOWN = 200
# Messages in one file, and how many are read at a time.
MOST_EXPORTED, AT_ONCE = 10_000, 500
COLUMNS = (
    "message_id", "accepted_at", "from", "subject", "class", "tags", "test", "recipient", "state",
    "attempts", "settled_at", "reply",
)  # fmt: skip


@require_safe
@account_required
def message_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List messages, newest first; `before` is the id of the last message of the page before."""
    form = _filter(request)
    if not form.is_valid():
        context = _frame(account, form)
        return render(request, "messages/list.html", context, status=422)
    before = form.cleaned_data["before"]
    found = _found(account, form, before)
    page = found[:PAGE]
    context = _frame(account, form) | {
        "message_list": page,
        "before": before,
        "newest": form.address() if before else "",
        "older": form.address(before=str(page[-1].id)) if len(found) > PAGE else "",
    }
    if form.asked and len(found) <= PAGE:
        context |= _further(account, form)
    if not (page or before or form.asked):
        context["command"] = snippets.first_command(access.usual(request, account))
    return render(request, "messages/list.html", context)


def _filter(request: HttpRequest) -> FilterForm:
    form = FilterForm(request.GET)
    if "before" in form.errors:
        raise Http404  # nobody types it
    return form


def _frame(account: Account, form: FilterForm) -> dict[str, object]:
    """Return what the page needs around its rows."""
    return {
        "form": form,
        "applied": list(applied(form)),
        "states": [(state, STATES[state].word, form.address(state=state)) for state in State],
        "classes": CLASSES,
        "class": form.parameters.get("class", ""),
        "since": form.shown("since"),
        "until": form.shown("until"),
        "all_states": form.address(state=""),
        "state": form.parameters.get("state", ""),
        "domains": Domain.objects.filter(account=account)
        .order_by("name")
        .values_list("name", flat=True),
        "export": form.address(),
        "most_exported": MOST_EXPORTED,
    }


def _found(account: Account, form: FilterForm, before: UUID | None) -> list[Message]:
    """Return a page of messages with their recipients, and one more where there are more."""
    theirs = search.find(account, form.asked)
    if before:
        theirs = theirs.filter(id__lt=before)
    recipients = Recipient.objects.order_by("id").defer("domain", "lease")
    return list(
        theirs.annotate(
            subject_shown=Left("subject", MAX_SHOWN), from_shown=Left("header_from", MAX_SHOWN)
        )
        .defer("subject", "header_from", "reverse_path", "message_id_header", "metadata")
        .prefetch_related(Prefetch("recipients", recipients))
        .order_by("-id")[: PAGE + 1]
    )


def _further(account: Account, form: FilterForm) -> dict[str, object]:
    """Say up to where was searched, and where the search goes on, if there is more."""
    oldest = search.oldest_searched(account, form.asked)
    if oldest is None:
        return {}
    # That very millisecond may hold more than one.
    until = time_of(oldest) + timedelta(milliseconds=1)
    return {
        "searched_to": time_of(oldest),
        "further": form.address(until=until.isoformat(timespec="milliseconds")),
    }


@require_safe
@account_required
def message_export(request: HttpRequest, account: Account) -> HttpResponseBase:
    """Hand out what the filter finds as CSV, a line for each recipient, newest first."""
    form = _filter(request)
    if not form.is_valid():
        return render(request, "messages/list.html", _frame(account, form), status=422)
    found = search.find(account, form.asked).order_by("-id")
    return StreamingHttpResponse(
        _lines(found.values_list("id", flat=True)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="messages.csv"'},
    )


def _lines(ids: QuerySet[Message, UUID]) -> Iterator[str]:
    yield suppression_csv.line(COLUMNS)
    # All ids at once, so that what is settled meanwhile comes neither twice nor never.
    chosen = list(ids[:MOST_EXPORTED])
    for start in range(0, len(chosen), AT_ONCE):
        recipients = Recipient.objects.filter(message__in=chosen[start : start + AT_ONCE])
        for one in recipients.select_related("message").order_by("-message_id", "id"):
            yield suppression_csv.line(_cells(one))


def _cells(recipient: Recipient) -> Iterator[str]:
    message = recipient.message
    yield str(message.id)
    yield message.accepted_at.astimezone(UTC).isoformat(timespec="milliseconds")
    yield message.header_from
    yield message.subject
    yield message.get_message_class_display()
    yield ", ".join(message.tags)
    yield "yes" if message.is_test else "no"
    yield recipient.address
    yield recipient.state
    yield str(recipient.attempt_count)
    settled_at = recipient.settled_at
    yield settled_at.astimezone(UTC).isoformat(timespec="milliseconds") if settled_at else ""
    yield recipient.reply
