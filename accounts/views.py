"""Who looks at a page, and for which account; every page of an account comes through here."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, overload

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts import looking
from accounts.looks import Look
from accounts.models import Account, Membership, User

Rest = ParamSpec("Rest")
AccountView = Callable[Concatenate[HttpRequest, Account, Rest], HttpResponseBase]
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]

# Which account a session looks at: its public id.
SESSION_KEY = "account"
THEMES = ("light", "dark")
THEME_SECONDS = 365 * 86400


@overload
def account_required(view: AccountView[Rest]) -> View[Rest]: ...
@overload
def account_required(*, role: Membership.Role) -> Callable[[AccountView[Rest]], View[Rest]]: ...
def account_required(
    view: AccountView[Rest] | None = None, *, role: Membership.Role = Membership.Role.VIEWER
) -> View[Rest] | Callable[[AccountView[Rest]], View[Rest]]:
    """Hand a view the account that the user looks at, if the role there is enough.

    Who is logged out goes to the log-in, who lacks a second factor that the account asks for to
    where one is set up; who may look but not do this gets a 403 that says so.
    `@account_required` lets in all members, `@account_required(role=Membership.Role.ADMIN)` those
    who are admin or owner. What a view finds must be searched among the account's own things.
    """

    def guard(view: AccountView[Rest]) -> View[Rest]:
        @wraps(view)
        def with_account(
            request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs
        ) -> HttpResponseBase:
            membership = current_membership(request)
            if membership is None:
                return render(request, "accounts/no_account.html", status=403)
            if membership.account.requires_two_factor and not is_mfa_enabled(membership.user):
                return _ask_for_second_factor(request, membership.account)
            require_role(membership, role)
            return view(request, membership.account, *args, **kwargs)

        return login_required(with_account)

    return guard if view is None else guard(view)


def _ask_for_second_factor(request: HttpRequest, account: Account) -> HttpResponse:
    flash.warning(request, f"{account} asks every member for a second factor. Set one up to go on.")
    return redirect("mfa_index")


def require_role(membership: Membership, role: Membership.Role) -> None:
    """Raise PermissionDenied, in words for the page, where a role is not enough."""
    if not membership.may(role):
        raise PermissionDenied(
            f"This takes the role {role.label.lower()} in {membership.account.name}, and yours is "
            f"{membership.get_role_display().lower()}. Ask an owner of the account for more."
        )


def current_membership(request: HttpRequest) -> Membership | None:
    """Return the membership that the session chose, else the oldest; None where there is none."""
    known = memberships(request)
    chosen = request.session.get(SESSION_KEY)
    found = (one for one in known if one.account.public_id == chosen)
    return next(found, known[0] if known else None)


def memberships(request: HttpRequest) -> list[Membership]:
    """Return all memberships of who is logged in, the oldest first; asked once a request."""
    if not isinstance(request.user, User):
        return []
    kept = vars(request)
    if "memberships" not in kept:
        kept["memberships"] = _as_viewer(request) or _memberships(request.user)
    return list(kept["memberships"])


def _as_viewer(request: HttpRequest) -> list[Membership]:
    """Return what a member of staff is while looking at an account: a viewer of it, no more."""
    look = looking.current(request)
    role = Membership.Role.VIEWER
    return [Membership(user=look.user, account=look.account, role=role)] if look else []


def _memberships(user: User) -> list[Membership]:
    looks = Look.objects.filter(account=OuterRef("account"), ends_at__gt=timezone.now())
    theirs = Membership.objects.filter(user=user).annotate(is_looked_at=Exists(looks))
    return list(theirs.select_related("account", "user").order_by("id"))


class TimeZoneMiddleware:
    """Show times in the zone that the user has chosen."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Asked for only where a session says that there is a user: an API call costs nothing.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            with timezone.override(request.user.time_zone):
                return self.get_response(request)
        return self.get_response(request)


@require_POST
@login_required
def switch_account(request: HttpRequest) -> HttpResponse:
    """Look at another account from now on; one that the user is no member of is not found."""
    chosen = request.POST.get("account", "")
    if chosen not in {one.account.public_id for one in memberships(request)}:
        raise Http404
    request.session[SESSION_KEY] = chosen
    return redirect("/")


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in a cookie of this browser; anything else: as the system."""
    response = redirect(_safe_next(request))
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie("theme", theme, max_age=THEME_SECONDS, samesite="Lax", httponly=True)
    else:
        response.delete_cookie("theme")
    return response


def _safe_next(request: HttpRequest) -> str:
    """Return the page of ours that a form came from."""
    address = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else "/"
