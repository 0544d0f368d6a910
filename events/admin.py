"""What staff sees of events, of the sums of them, and of webhooks; a webhook they may enable."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Account
from accounts.staff_pages import BigTableAdmin, ConfirmedAdmin
from events import webhooks
from events.admin_accounts import AccountAdmin
from events.admin_suppressions import SuppressionAdmin
from events.models import Event, Suppression, Tally, Webhook, WebhookPost

# It shows what only this floor knows.
admin.site.register(Account, AccountAdmin)
admin.site.register(Suppression, SuppressionAdmin)


@admin.register(Event)
class EventAdmin(BigTableAdmin):
    has_account_index = True
    list_display = ("timestamp", "kind", "recipient", "account", "message_id")
    list_filter = ("kind",)
    list_select_related = ("account",)


@admin.register(Tally)
class TallyAdmin(BigTableAdmin):
    list_display = ("hour", "account", "message_class", "tag", "kind", "count")
    list_filter = ("message_class", "kind")
    list_select_related = ("account",)


class BreakerFilter(SimpleListFilter):
    """Those whose endpoints fail, so that nothing is posted to them for a while."""

    title = "breaker"
    parameter_name = "breaker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "open":
            return queryset
        return queryset.filter(is_enabled=True, paused_until__gt=timezone.now())


class WebhookForm(ModelForm):
    """What staff may do about a webhook."""

    is_enabled = forms.BooleanField(
        required=False, help_text="Enabling forgets its failures, and posts at once what waits."
    )


@admin.register(Webhook)
class WebhookAdmin(ConfirmedAdmin):
    """All webhooks, and those whose breaker is open."""

    form = WebhookForm
    secrets = ("encrypted_secret", "encrypted_previous_secret")
    changeable = ("is_enabled",)
    list_display = (
        "id", "account", "address", "is_enabled", "failures", "failing_since", "paused_until",
    )  # fmt: skip
    list_filter = (BreakerFilter, "is_enabled")
    list_select_related = ("account",)
    search_fields = ("pk__exact",)
    search_help_text = "Finds one by its whole id."

    @admin.display(description="URL")
    def address(self, webhook: Webhook) -> str:
        """Show the URL without its password."""
        return webhooks.shown(webhook.url)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        names = super().get_fields(request, obj)
        return tuple("address" if name == "url" else name for name in names)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        webhooks.change(obj, is_enabled=obj.is_enabled)


@admin.register(WebhookPost)
class WebhookPostAdmin(BigTableAdmin):
    list_display = (
        "started_at", "webhook_id", "attempt", "event_count", "response_status", "duration",
        "error",
    )  # fmt: skip
    list_filter = ("attempt",)
