"""The pages of the suppression list: look, search, put on, take off, a file out and in."""

from typing import Any

from django import forms
from django.contrib import messages as flash
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.frame import Chip
from accounts.models import Account, Membership
from accounts.views import account_required
from domains.addresses import AddressError
from events import suppression_csv, suppression_file, suppression_import, suppressions
from events.models import Suppression, SuppressionImport
from events.suppression_csv import CsvUnreadable
from events.suppression_file import MAX_SIZE
from events.suppressions import MAX_NOTE, ComplaintStays, Entry

PAGE = 50
DEVELOPER = Membership.Role.DEVELOPER
Reason = Suppression.Reason
CHIPS = {
    Reason.BOUNCE: Chip("wrong", "✕", "bounced"),
    Reason.COMPLAINT: Chip("wrong", "!", "complained"),
    Reason.MANUAL: Chip("off", "●", "put on by you"),
    Reason.UNSUBSCRIBE: Chip("off", "●", "unsubscribed from digests"),
}


class AddForm(forms.Form):
    """Ask for an address that nothing is to be sent to."""

    address = forms.CharField(label="Address", max_length=320)
    note = forms.CharField(
        label="Note", max_length=MAX_NOTE, required=False, help_text="For your colleagues."
    )

    def clean_address(self) -> str:
        try:
            return suppressions.normal_form(self.cleaned_data["address"])
        except AddressError as error:
            raise forms.ValidationError(str(error)) from None


class ImportForm(forms.Form):
    """Ask for a list as a file."""

    file = forms.FileField(
        label="CSV file",
        help_text="UTF-8, up to 5 MB. The first column is the address; reason, note and expires_at"
        " may follow, or stand in any order below a heading.",
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_SIZE:
            raise forms.ValidationError("The file has more than 5 MB: split it.")
        return file


@require_safe
@account_required
def suppression_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List addresses, newest first; `query` is how they begin, `before` where the page goes on."""
    return _list(request, account, AddForm(), ImportForm())


def _list(
    request: HttpRequest,
    account: Account,
    form: AddForm,
    import_form: ImportForm,
    status: int = 200,
) -> HttpResponse:
    query, reason, before = _asked(request)
    found = Suppression.objects.filter(suppressions.live(account))
    if reason:
        found = found.filter(reason=reason)
    if query:
        found = found.filter(address__startswith=query.lower())
    if before:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    kept = {"query": query, "reason": reason}
    context = {
        "rows": [(one, CHIPS[Reason(one.reason)]) for one in rows[:PAGE]],
        "query": query,
        "reason": reason,
        "reasons": [
            (value, CHIPS[value].word, _link(kept | {"reason": value})) for value in Reason
        ],
        "all_reasons": _link(kept | {"reason": ""}),
        "newest": _link(kept) if before else "",
        "older": _link(kept | {"before": rows[PAGE - 1].pk}) if len(rows) > PAGE else "",
        "is_filtered": bool(query or reason or before),
        "form": form,
        "import_form": import_form,
    }
    return render(request, "events/suppressions.html", context, status=status)


def _asked(request: HttpRequest) -> tuple[str, str, int]:
    query = request.GET.get("query", "").strip().replace("\0", "")[:320]
    reason, before = request.GET.get("reason", ""), request.GET.get("before", "")
    if reason and reason not in Reason.values:
        raise Http404
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Http404
    return query, reason, int(before or 0)


def _link(query: dict[str, Any]) -> str:
    asked = {name: value for name, value in query.items() if value}
    return f"?{urlencode(asked)}" if asked else reverse("suppression-list")


@require_POST
@account_required(role=DEVELOPER)
def add(request: HttpRequest, account: Account) -> HttpResponse:
    """Put one address on the list."""
    form = AddForm(request.POST)
    if not form.is_valid():
        return _list(request, account, form, ImportForm(), status=422)
    address = form.cleaned_data["address"]
    with transaction.atomic():
        done = suppressions.put(account, [Entry(address, note=form.cleaned_data["note"])])
        audit.record(request, "suppressed", address)
    if done.kept:
        flash.info(request, f"{address} is on the list already: its owner complained.")
    else:
        flash.success(request, f"Nothing is sent to {address} any more.")
    return redirect("suppression-list")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def remove(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Take an address off the list, after one question."""
    found = get_object_or_404(Suppression, suppressions.live(account), pk=number)
    if request.method != "POST":
        return render(request, "confirm.html", _question(found))
    try:
        with transaction.atomic():
            suppressions.remove(found)
            audit.record(request, "took off the suppression list", found.address)
    except ComplaintStays as error:
        flash.error(request, f"{error}.")
    else:
        flash.success(request, f"{found.address} gets mail again.")
    return redirect("suppression-list")


def _question(found: Suppression) -> dict[str, object]:
    consequences = {
        Reason.BOUNCE: "Its server said that there is no such mailbox. If that is still so, the"
        " next message bounces, which counts against your reputation.",
        Reason.UNSUBSCRIBE: "Its owner unsubscribed from your digests. Send them again only if"
        " they have asked you to.",
    }
    return {
        "question": f"Send to {found.address} again?",
        "consequence": consequences.get(
            Reason(found.reason), "The next message that you submit for it is sent."
        ),
        "act": "Take it off the list",
        "back": reverse("suppression-list"),
    }


@require_safe
@account_required
def export(request: HttpRequest, account: Account) -> HttpResponseBase:
    """Hand out the whole list as a file, as it is read."""
    return StreamingHttpResponse(
        suppression_csv.write(suppression_file.every(account)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="suppressions.csv"'},
    )


@require_POST
@account_required(role=DEVELOPER)
def import_file(request: HttpRequest, account: Account) -> HttpResponse:
    """Keep a list for a worker, and go where one can watch it."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, account, AddForm(), form, status=422)
    if under_way := suppression_import.under_way(account):
        flash.warning(request, "One file at a time: this one is not done. Then send yours again.")
        return redirect("suppression-imported", under_way.pk)
    file = form.cleaned_data["file"]
    try:
        with transaction.atomic():
            one = suppression_import.begin(account, file.read())
            audit.record(request, "imported suppressions from", file.name)
    except CsvUnreadable as error:
        form.add_error("file", str(error))
        return _list(request, account, AddForm(), form, status=422)
    return redirect("suppression-imported", one.pk)


@require_safe
@account_required
def imported(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Show how far an import is, and of each row that was left out why; htmx asks for the part."""
    one = get_object_or_404(SuppressionImport, account=account, pk=number)
    is_part = "HX-Request" in request.headers
    context = {"one": one, "percent": suppression_import.progress(one), "is_part": is_part}
    page = "events/_import.html" if is_part else "events/suppression_import.html"
    return render(request, page, context)
