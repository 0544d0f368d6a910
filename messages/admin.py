"""What staff sees of messages, recipients and attempts; what a message says is not for them."""

import re

from django.contrib import admin
from django.db.models import Model
from django.db.models.functions import Substr
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.admin import BigTableAdmin
from accounts.volume import Notice, RampUpDecision, RampUpRequest, StandingChange, VolumeDay
from messages.admin_standing import StandingChangeAdmin
from messages.admin_volume import (
    NoticeAdmin,
    RampUpDecisionAdmin,
    RampUpRequestAdmin,
    VolumeDayAdmin,
)
from messages.models import Attempt, Content, IncomingReport, Message, Recipient, Refusal
from messages.site_admin import SiteOverrideAdmin
from messages.site_override import SiteOverride

# Octets of a report among which its header is looked for.
MAX_HEADER = 16_384

admin.site.register(SiteOverride, SiteOverrideAdmin)
# They belong to accounts, and show what only this floor knows.
admin.site.register(RampUpRequest, RampUpRequestAdmin)
admin.site.register(RampUpDecision, RampUpDecisionAdmin)
admin.site.register(StandingChange, StandingChangeAdmin)
admin.site.register(VolumeDay, VolumeDayAdmin)
admin.site.register(Notice, NoticeAdmin)


@admin.register(Message)
class MessageAdmin(BigTableAdmin):
    has_account_index = True
    list_display = ("id", "accepted_at", "account", "message_class", "header_from", "subject")
    list_filter = ("message_class", "door")
    list_select_related = ("account",)


@admin.register(Content)
class ContentAdmin(BigTableAdmin):
    secrets = ("data",)
    list_display = ("message",)
    list_select_related = ("message",)


@admin.register(Recipient)
class RecipientAdmin(BigTableAdmin):
    list_display = (
        "address", "state", "due_at", "attempt_count", "message_class", "account", "accepted_at",
    )  # fmt: skip
    list_filter = ("state", "message_class")
    list_select_related = ("account",)


@admin.register(Attempt)
class AttemptAdmin(BigTableAdmin):
    list_display = ("recipient", "number", "started_at", "duration", "exchanger", "tls", "reply")
    list_display_links = ("recipient",)
    list_filter = ("number",)
    list_select_related = ("recipient",)


@admin.register(Refusal)
class RefusalAdmin(BigTableAdmin):
    has_account_index = True
    list_display = ("refused_at", "account", "door", "reverse_path", "client_address", "reply")
    list_filter = ("door", "cause")
    list_select_related = ("account",)


@admin.register(IncomingReport)
class IncomingReportAdmin(BigTableAdmin):
    secrets = ("content", "digest")
    list_display = ("received_at", "recipient", "state", "note", "size", "client_address")
    list_filter = ("state",)
    list_select_related = ("recipient",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return (*super().get_fields(request, obj), "header")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), "header"]

    @admin.display(description="header, as text")
    def header(self, report: IncomingReport) -> str:
        """Show what heads a report that we could not read; of all others its note tells."""
        if report.state != IncomingReport.State.UNCLASSIFIED:
            return "read"
        head = (
            IncomingReport.objects.filter(pk=report.pk)
            .values_list(Substr("content", 1, MAX_HEADER), flat=True)
            .first()
        )
        if head is None:
            return "pruned"
        text = re.split(rb"\r?\n\r?\n", bytes(head), maxsplit=1)[0].decode(errors="replace")
        return format_html("<pre>{}</pre>", text)
