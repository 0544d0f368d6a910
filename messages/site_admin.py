"""Sites in the admin: how each stands in all workers together, and what staff decide about them."""

from typing import Any

import redis
from django.conf import settings
from django.contrib import admin
from django.contrib import messages as flash
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from accounts.models import User
from messages import site_status
from messages.shaping import bulletin
from messages.site_override import SiteOverride

# Sites that the page shows; those that need a look come first.
MAX_SHOWN = 200
LIMITS = (
    "connections", "connections_per_minute", "messages_per_connection", "messages_per_minute",
    "idle_seconds",
)  # fmt: skip
TOTALS = ("total_connections", "total_connections_per_minute", "total_messages_per_minute")


class SiteOverrideAdmin(admin.ModelAdmin):
    """The list shows the sites as they are now above what staff has decided."""

    change_list_template = "admin/sites/list.html"
    list_display = ("suffix", *LIMITS, "total_connections", "suspended_until", "note")
    search_fields = ("suffix",)
    ordering = ("suffix",)
    fieldsets = (
        (None, {"fields": ("suffix", "suspended_until", "note")}),
        ("Each site", {"fields": LIMITS}),
        ("All sites under this name together", {"fields": TOTALS}),
    )

    def get_urls(self) -> list[URLPattern]:
        resume = self.admin_site.admin_view(require_POST(self.resume))
        return [
            path("<slug:site>/resume/", resume, name="mail_site_resume"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what the workers tell, above the list of Django."""
        try:
            sites = site_status.rows(bulletin.read(_redis()))
        except redis.RedisError:
            sites = None
        extra = {
            "title": "Sites", "sites": sites and sites[:MAX_SHOWN],
            "more_sites": len(sites or ()) - MAX_SHOWN, "is_away": sites is None,
        }  # fmt: skip
        return super().changelist_view(request, {**(extra_context or {}), **extra})

    def resume(self, request: HttpRequest, site: str) -> HttpResponse:
        """End what the workers do by themselves to spare a site."""
        user = request.user
        if not self.has_change_permission(request) or not isinstance(user, User):
            raise PermissionDenied
        back = redirect("admin:mail_siteoverride_changelist")
        try:
            row = next(
                (one for one in site_status.rows(bulletin.read(_redis())) if one.site == site), None
            )
            if row is None:
                raise Http404("No worker has to do with this site now.")
            bulletin.resume(_redis(), site)
        except redis.RedisError:
            flash.error(request, "Redis does not answer, so the workers could not be told.")
            return back
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(SiteOverride),
            object_id=site,
            object_repr=f"Site {row.hosts[0]}",
            action_flag=CHANGE,
            change_message=f"Resumed: {', '.join(row.measures) or 'nothing was on'}",
        )
        flash.success(
            request,
            f"Mail to {row.hosts[0]} is sent again. What was put off comes when it is due, within"
            " a quarter of an hour.",
        )
        return back


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
