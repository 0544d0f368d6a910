"""What staff sees of invitations, the audit trail, addresses and second factors."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.approval import STAFF
from accounts.staff_pages import BigTableAdmin, ReadOnlyAdmin

# allauth's own pages let staff write whatever they like.
admin.site.unregister([EmailAddress, Authenticator, UserSession])


class ByStaffFilter(SimpleListFilter):
    """What staff did to accounts, apart from what their members did."""

    title = "who"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("staff", "Staff"), ("members", "Members")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "staff":
            return queryset.filter(who=STAFF)
        return queryset.exclude(who=STAFF) if self.value() == "members" else queryset


class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "account", "role", "created_at", "accepted_at", "revoked_at")
    list_select_related = ("account",)
    search_fields = ("email__startswith",)
    search_help_text = "Finds invitations by how the address begins."


class AuditEntryAdmin(BigTableAdmin):
    has_account_index = True
    list_display = ("created_at", "account", "who", "verb", "thing", "address")
    list_filter = (ByStaffFilter,)
    list_select_related = ("account",)


@admin.register(EmailAddress)
class EmailAddressAdmin(ReadOnlyAdmin):
    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    search_fields = ("email__startswith",)
    search_help_text = "Finds addresses by how they begin."


@admin.register(Authenticator)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Staff may delete one: the way in for who has lost phone and recovery codes."""

    secrets = ("data",)
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email__startswith",)
    search_help_text = "Finds second factors by how the address of the user begins."

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
