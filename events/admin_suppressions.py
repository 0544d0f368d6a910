"""Suppressions in the admin: the one place where a complaint can be taken off a list."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib import messages as flash
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.approval import STAFF
from accounts.models import Account, AuditEntry
from accounts.staff_pages import ReadOnlyAdmin
from domains.addresses import AddressError
from events import suppression_csv, suppression_file
from events.models import Suppression
from events.suppression_csv import CsvUnreadable
from events.suppression_pages import ImportForm
from events.suppressions import normal_form

LIST = "admin:events_suppression_changelist"
# Bad lines of a file that are named.
SHOWN_ERRORS = 20


class FileForm(ImportForm):
    """Ask whose list it is, too."""

    account = forms.ModelChoiceField(
        Account.objects.all(),
        widget=ForeignKeyRawIdWidget(
            Suppression._meta.get_field("account").remote_field, admin.site
        ),
    )
    field_order = ("account", "file")


class SuppressionAdmin(ReadOnlyAdmin):
    """Who must get no mail of an account. Staff may delete an entry, whatever its reason."""

    list_display = ("address", "account", "reason", "note", "created_at", "expires_at")
    list_filter = ("reason",)
    list_select_related = ("account",)
    search_fields = ("address__exact",)
    search_help_text = "Finds an address on the lists of all accounts."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for an address in the form in which it is kept."""
        if search_term:
            try:
                search_term = normal_form(search_term.strip())
            except AddressError:
                return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def delete_model(self, request: HttpRequest, obj: Suppression) -> None:
        """Take the address off, and write it down for the members of the account."""
        super().delete_model(request, obj)
        _write_down(obj.account, f"took off the suppressions ({obj.reason})", obj.address)

    def get_urls(self) -> list[URLPattern]:
        file = self.admin_site.admin_view(self.file)
        return [path("file/", file, name="events_suppression_file"), *super().get_urls()]

    def file(self, request: HttpRequest) -> HttpResponseBase:
        """Hand out the list of an account as a file, or put a file on it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        is_export = "export" in request.POST
        form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
        if is_export:
            del form.fields["file"]
        if form.is_valid():
            account = form.cleaned_data["account"]
            if is_export:
                return _export(account)
            if self._import(request, account, form):
                return HttpResponseRedirect(reverse(LIST) + f"?account__id__exact={account.pk}")
        context = self.admin_site.each_context(request) | {
            "title": "A whole list as CSV", "opts": self.opts, "form": form,
            "media": self.media + form.media, "may_import": self._may_import(request),
        }  # fmt: skip
        return TemplateResponse(request, "admin/events/suppression/file.html", context)

    def _may_import(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def _import(self, request: HttpRequest, account: Account, form: FileForm) -> bool:
        """Take a file, and say what became of it; False: it cannot be read, as the form says."""
        if not self._may_import(request):
            raise PermissionDenied
        try:
            rows = suppression_csv.read(form.cleaned_data["file"].read())
            with transaction.atomic():
                done = suppression_file.take(account, rows)
                _write_down(account, "imported", f"{done.added + done.renewed} suppressions")
        except CsvUnreadable as error:
            form.add_error("file", str(error))
            return False
        for bad in done.errors[:SHOWN_ERRORS]:
            flash.warning(request, f"Line {bad.line} was left out: {bad.detail}")
        flash.success(
            request,
            f"{done.added} new, {done.renewed} renewed, {done.kept} complaints left as they are,"
            f" {done.refused} lines left out.",
        )
        return True


def _export(account: Account) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        suppression_csv.write(suppression_file.every(account)),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="suppressions-{account.pk}.csv"',
        },
    )


def _write_down(account: Account, verb: str, thing: str) -> None:
    """Leave a line for the members of the account."""
    AuditEntry.objects.create(account=account, who=STAFF, verb=verb, thing=thing)
