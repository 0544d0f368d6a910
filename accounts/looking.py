"""Staff look at an account as its customer does: read only, for a while, and seen by the customer.

Whoever looks stands in the account as a viewer. Nothing is sent but GET and HEAD, what messages
say is not shown, and the account's members see on every page that somebody looks.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.approval import STAFF
from accounts.looks import Look
from accounts.models import Account, AuditEntry, User

LASTS = timedelta(minutes=30)
PERMISSION = "accounts.view_as_customer"
# Where a session keeps the number of its look.
SESSION_KEY = "look"
SAFE = ("GET", "HEAD", "OPTIONS")
# What may be sent during a look: it concerns the one who looks, and no account.
OWN_POSTS = ("look-end", "log-out", "theme")
# Pages of messages that show no content. Any other is closed, those that are still to come as well.
WITHOUT_CONTENT = ("message-list", "message-detail", "message-refusals")


def begin(request: HttpRequest, account: Account) -> Look:
    """Let who asks look at an account from now on; the caller knows that they may."""
    assert isinstance(request.user, User)
    with transaction.atomic():
        look = Look.objects.create(
            account=account, user=request.user, ends_at=timezone.now() + LASTS
        )
        # The members see that staff looked; who it was is in the row of the look.
        AuditEntry.objects.create(
            account=account, who=STAFF, verb="began to look at the account, read only"
        )
    request.session[SESSION_KEY] = look.pk
    vars(request).pop("look", None)
    return look


def current(request: HttpRequest) -> Look | None:
    """Return the look that is on in this session, if one is; asked once a request."""
    kept = vars(request)
    if "look" not in kept:
        kept["look"] = _live(request)
    return kept["look"]


def _live(request: HttpRequest) -> Look | None:
    user = request.user
    if not isinstance(user, User) or SESSION_KEY not in request.session:
        return None
    look = (
        Look.objects.select_related("account", "user")
        .filter(
            pk=request.session[SESSION_KEY], user=user, ends_at__gt=timezone.now(),
            account__closed_at=None,
        )
        .first()
    )  # fmt: skip
    return look if look and user.is_staff and user.has_perm(PERMISSION) else None


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the look of this session, if one is on, and go back to the account in the admin."""
    look = current(request)
    _forget(request)
    if look is None:
        return redirect("/")
    flash.success(request, f"You look at {look.account} no more.")
    return redirect("admin:accounts_account_change", look.account.pk)


def _forget(request: HttpRequest) -> None:
    number = request.session.pop(SESSION_KEY, None)
    now = timezone.now()
    Look.objects.filter(pk=number, ends_at__gt=now).update(ends_at=now)
    vars(request).pop("look", None)


class LookMiddleware:
    """Keep a look to looking: nothing is sent, no content is shown, and it ends in time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_on = (
            settings.SESSION_COOKIE_NAME in request.COOKIES
            and SESSION_KEY in request.session
            # There staff act in their own name.
            and not request.path.startswith(reverse("admin:index"))
        )
        if is_on and (answer := _instead(request)):
            return answer
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> None:
        """Close what shows the content of messages: resets of passwords are among them."""
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        if name.startswith("message-") and name not in WITHOUT_CONTENT and current(request):
            raise PermissionDenied("What messages say is for the account's members alone.")


def _instead(request: HttpRequest) -> HttpResponse | None:
    """Return what is answered instead of the page, None where the page may be shown."""
    if request.path == reverse("log-out"):
        _forget(request)
        return None
    if current(request) is None:
        # Also for a form that was filled in meanwhile: it would change an account of their own.
        _forget(request)
        flash.info(request, "Your look at the account is over.")
        return redirect("admin:index")
    if request.method not in SAFE and request.path not in map(reverse, OWN_POSTS):
        raise PermissionDenied(
            "You look at this account as its customer does, and can change nothing here. End that"
            " by the button above, or act in the administration."
        )
    return None
