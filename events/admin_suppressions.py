"""Suppressions in the admin: the one place where a complaint can be taken off a list."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.approval import STAFF
from accounts.models import AuditEntry
from accounts.staff_pages import ReadOnlyAdmin
from domains.addresses import AddressError
from events.models import Suppression
from events.suppressions import normal_form


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
        AuditEntry.objects.create(
            account=obj.account, who=STAFF, verb=f"took off the suppressions ({obj.reason})",
            thing=obj.address,
        )  # fmt: skip
