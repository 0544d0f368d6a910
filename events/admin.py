"""What staff sees of events and of the sums of them."""

from django.contrib import admin

from accounts.admin import BigTableAdmin
from events.models import Event, Tally


@admin.register(Event)
class EventAdmin(BigTableAdmin):
    list_display = ("timestamp", "kind", "recipient", "account", "message_id")
    list_filter = ("kind",)
    list_select_related = ("account",)


@admin.register(Tally)
class TallyAdmin(BigTableAdmin):
    list_display = ("hour", "account", "message_class", "tag", "kind", "count")
    list_filter = ("message_class", "kind")
    list_select_related = ("account",)
