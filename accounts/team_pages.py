"""The team of an account: its members, what they may do and did; and how an account begins."""

from django import forms
from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts import team as teams
from accounts.invitation_pages import InvitationForm
from accounts.models import Account, AuditEntry, Membership, User
from accounts.team import NotPossible
from accounts.views import SESSION_KEY, account_required, current_membership, require_role

Role = Membership.Role
PAGE = 50
WHAT_ROLES_MAY = (
    (Role.OWNER, "all of it, members and the end of the account too"),
    (Role.ADMIN, "domains, credentials and settings"),
    (Role.DEVELOPER, "sending, webhooks and suppressions"),
    (Role.VIEWER, "looking, but at no secret"),
)


@require_safe
@account_required
def team(request: HttpRequest, account: Account) -> HttpResponse:
    """Show who belongs to the account, who is invited, and what each role may do."""
    members = account.membership_set.select_related("user").order_by("id")
    context = {
        "members": members,
        "invitations": account.invitations.open().order_by("-id"),
        "form": InvitationForm(),
        "roles": Role.choices,
        "what_roles_may": WHAT_ROLES_MAY,
    }
    return render(request, "accounts/team.html", context)


@require_POST
@account_required(role=Role.OWNER)
def change_role(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Give a member another role."""
    member = get_object_or_404(account.membership_set.select_related("user", "account"), pk=number)
    role = request.POST.get("role")
    if role not in Role.values:
        raise Http404
    try:
        with transaction.atomic():
            teams.change_role(member, Role(role))
            audit.record(request, f"made {Role(role).label.lower()}", member.user)
    except NotPossible as error:
        flash.error(request, str(error))
    else:
        flash.success(request, f"{member.user} is {Role(role).label.lower()} now.")
    return redirect("team")


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def remove(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Take a member out, or leave: the first takes an owner, the second anybody."""
    member = get_object_or_404(account.membership_set.select_related("user", "account"), pk=number)
    is_own = member.user == request.user
    if not is_own:
        _require_owner(request)
    if request.method != "POST":
        return render(request, "confirm.html", _question(member, is_own))
    try:
        with transaction.atomic():
            audit.record(request, "left" if is_own else "removed", "" if is_own else member.user)
            teams.remove(member)
    except NotPossible as error:
        flash.error(request, str(error))
        return redirect("team")
    if is_own:
        request.session.pop(SESSION_KEY, None)
        flash.success(request, f"You have left {account}.")
        return redirect("/")
    flash.success(request, f"{member.user} is not in the team any more.")
    return redirect("team")


def _require_owner(request: HttpRequest) -> None:
    membership = current_membership(request)
    assert membership is not None
    require_role(membership, Role.OWNER)


def _question(member: Membership, is_own: bool) -> dict[str, object]:
    if is_own:
        return {
            "question": f"Leave {member.account}?",
            "consequence": "You do not see it any more, until an owner invites you again.",
            "act": "Leave",
            "back": reverse("team"),
        }
    return {
        "question": f"Remove {member.user}?",
        "consequence": f"They do not see {member.account} any more. Credentials that they know "
        "keep working: give those new secrets.",
        "act": "Remove",
        "back": reverse("team"),
    }


@require_safe
@account_required(role=Role.ADMIN)
def history(request: HttpRequest, account: Account) -> HttpResponse:
    """List what members did, newest first; `before` is the number of the last one seen."""
    entries = AuditEntry.objects.filter(account=account).order_by("-id")
    before = request.GET.get("before", "")
    if before:
        if not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Http404
        entries = entries.filter(id__lt=int(before))
    found = list(entries[: PAGE + 1])
    context = {
        "entries": found[:PAGE],
        "newest": request.path if before else "",
        "older": f"?before={found[PAGE - 1].pk}" if len(found) > PAGE else "",
    }
    return render(request, "accounts/history.html", context)


class AccountForm(forms.Form):
    """Ask for the name of a new account."""

    name = forms.CharField(
        label="Name of the account",
        max_length=100,
        help_text="A company, a product, or one of its environments. It can be changed later.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def account_new(request: HttpRequest) -> HttpResponse:
    """Begin another account, with the user as its owner, and look at it."""
    assert isinstance(request.user, User)
    form = AccountForm(request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/account_new.html", {"form": form})
    with transaction.atomic():
        account = teams.create_account(request.user, form.cleaned_data["name"])
        audit.record(request, "created the account", account, account=account)
    request.session[SESSION_KEY] = account.public_id
    flash.success(request, f"{account} is there, in test mode, and yours.")
    return redirect("/")
