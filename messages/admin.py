"""What staff sees of messages, recipients and attempts; what a message says is not for them."""

from django.contrib import admin

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

admin.site.register(SiteOverride, SiteOverrideAdmin)
# They belong to accounts, and show what only this floor knows.
admin.site.register(RampUpRequest, RampUpRequestAdmin)
admin.site.register(RampUpDecision, RampUpDecisionAdmin)
admin.site.register(StandingChange, StandingChangeAdmin)
admin.site.register(VolumeDay, VolumeDayAdmin)
admin.site.register(Notice, NoticeAdmin)


@admin.register(Message)
class MessageAdmin(BigTableAdmin):
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
    list_display = ("refused_at", "account", "door", "reverse_path", "client_address", "reply")
    list_filter = ("door",)
    list_select_related = ("account",)


@admin.register(IncomingReport)
class IncomingReportAdmin(BigTableAdmin):
    secrets = ("content", "digest")
    list_display = ("received_at", "recipient", "state", "note", "size", "client_address")
    list_filter = ("state",)
    list_select_related = ("recipient",)
