"""What staff sees of people and accounts, and the few things that they may change there."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms import ModelForm
from django.http import HttpRequest

from accounts import changes
from accounts.admin_credentials import CredentialAdmin
from accounts.admin_people import AuditEntryAdmin, InvitationAdmin
from accounts.models import (
    MEBIBYTE,
    Account,
    AuditEntry,
    Credential,
    Invitation,
    Membership,
    User,
)
from accounts.staff_pages import BigTableAdmin, ConfirmedAdmin, ReadOnlyAdmin

__all__ = ["BigTableAdmin", "ReadOnlyAdmin"]

admin.site.register(Credential, CredentialAdmin)
admin.site.register(Invitation, InvitationAdmin)
admin.site.register(AuditEntry, AuditEntryAdmin)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    secrets = ("password",)
    list_display = ("email", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email__startswith",)
    search_help_text = "Finds users by how their address begins."


class AccountForm(ModelForm):
    """Limits of an account, within what the doors can bear."""

    max_message_size = forms.IntegerField(
        # A door keeps what comes in in memory.
        validators=[MinValueValidator(1024), MaxValueValidator(100 * MEBIBYTE)],
        help_text="Octets of a message as sent, 10485760 by default. A REST request has 24 MiB at"
        " most whatever stands here.",
    )
    requests_per_second = forms.IntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="That the REST API takes, 10 by default; twice as many may come at once.",
    )
    messages_per_second = forms.IntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        required=False,
        help_text="That the SMTP door takes; empty: as many as come.",
    )
    suspended_for = forms.CharField(
        max_length=200,
        required=False,
        help_text="Why the account may not submit, in words that the customer is shown; empty: it"
        " may. Mail that was accepted is held meanwhile.",
    )

    def clean_suspended_for(self) -> str:
        text: str = self.cleaned_data["suspended_for"]
        if not text.isascii() or not text.isprintable():
            raise forms.ValidationError("This goes into SMTP replies: letters of ASCII alone.")
        return text


@admin.register(Account)
class AccountAdmin(ConfirmedAdmin):
    form = AccountForm
    changeable = (
        "max_message_size", "requests_per_second", "messages_per_second", "is_test",
        "suspended_for",
    )  # fmt: skip
    list_display = ("name", "public_id", "is_test", "suspended_for", "created_at")
    list_filter = ("is_test", ("suspended_for", admin.EmptyFieldListFilter))
    search_fields = ("public_id__startswith",)
    search_help_text = "Finds accounts by how their public id begins."

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changes.announce(obj.pk)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "account", "role")
    list_display_links = ("user",)
    list_filter = ("role",)
    list_select_related = ("user", "account")
