"""The admin with our own pages: first what waits for a decision, the state, one box to search."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import redis
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from accounts.admin_site import HouseAdminSite
from accounts.models import Account, User
from cloudmta import gauges, presence
from cloudmta.presence import Process
from cloudmta.staff import search, waiting

# Accounts that the page of the state names, those with most held mail.
MOST_HELD = 20


class StaffSite(HouseAdminSite):
    """Django's admin, which begins with what somebody has to look at."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        mine = [
            path("state/", self.admin_view(self.state), name="state"),
            path("search/", self.admin_view(self.search), name="search"),
        ]
        return [*mine, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        extra = {"matters": waiting.matters(_who(request))}
        return super().index(request, {**(extra_context or {}), **extra})

    def state(self, request: HttpRequest) -> HttpResponse:
        """Show the queues, what is held, and which processes live."""
        if not request.user.has_perm("mail.view_recipient"):
            raise PermissionDenied
        try:
            present = presence.present()
        except redis.RedisError:
            present = None
        context = self.each_context(request) | {
            "title": "State",
            "queues": gauges.backlog(),
            "held": Account.objects.filter(held__gt=0).order_by("-held")[:MOST_HELD],
            "processes": present and _with_time(present),
            "missing": waiting.missing(present or ()),
        }
        return TemplateResponse(request, "admin/state.html", context)

    def search(self, request: HttpRequest) -> HttpResponse:
        """Find an account's things by what somebody of staff has in hand."""
        text = request.GET.get("q", "").strip()[: search.MAX_TEXT]
        context = self.each_context(request) | {
            "title": "Search", "text": text, "found": search.find(text, _who(request)),
            "looked_through": search.NEWEST,
        }  # fmt: skip
        return TemplateResponse(request, "admin/search.html", context)


def _who(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # `admin_view` lets in nobody else
    return request.user


def _with_time(processes: Iterable[Process]) -> list[tuple[Process, datetime]]:
    return [(one, datetime.fromisoformat(one.since)) for one in processes]
