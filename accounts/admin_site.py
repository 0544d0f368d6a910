"""The door of the admin: for staff, by the same log-in as all, and with a second factor."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages as flash
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User


class HouseAdminSite(AdminSite):
    """Lets in members of staff who have set up a second factor, where STAFF_TWO_FACTOR says so."""

    site_header = site_title = "CloudMTA"
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not _lacks_factor(request)

    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Send whoever is not let in to where that can be changed."""
        if not isinstance(request.user, User):
            return redirect_to_login(request.GET.get("next", request.path))
        if not super().has_permission(request):
            raise PermissionDenied("Only staff of the service come in here.")
        if _lacks_factor(request):
            flash.warning(request, "Staff needs a second factor. Set one up, then come again.")
            return redirect("mfa_index")
        return redirect("admin:index")


def _lacks_factor(request: HttpRequest) -> bool:
    return settings.STAFF_TWO_FACTOR and not is_mfa_enabled(request.user)
