"""Invitations: sent by an owner, taken back, and answered by the one who got the link."""

from django import forms
from django.contrib import messages as flash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, invitations, mail
from accounts.mail import NotSent
from accounts.models import Account, Invitation, Membership, User
from accounts.team import NotPossible
from accounts.views import SESSION_KEY, account_required

Role = Membership.Role


class InvitationForm(forms.Form):
    """Ask whom to invite, and what they are to do."""

    email = forms.EmailField(label="E-mail address")
    role = forms.ChoiceField(label="Role", choices=Role, initial=Role.DEVELOPER)


@require_POST
@account_required(role=Role.OWNER)
def invite(request: HttpRequest, account: Account) -> HttpResponse:
    """Send an invitation, which is good for a week."""
    assert isinstance(request.user, User)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        flash.error(request, "Nobody was invited: give one e-mail address, as name@example.com.")
        return redirect("team")
    address, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        # One transaction: an invitation that could not be sent is none.
        with transaction.atomic():
            invitation = invitations.invite(account, address, role, request.user)
            audit.record(request, f"invited as {role.label.lower()}", invitation.email)
            _send(request, invitation)
    except (NotPossible, NotSent) as error:
        flash.error(request, str(error))
    else:
        flash.success(request, f"{invitation.email} has a message with a link, good for a week.")
    return redirect("team")


def _send(request: HttpRequest, invitation: Invitation) -> None:
    path = reverse("invitation", args=[invitations.token(invitation)])
    context = {"invitation": invitation, "url": request.build_absolute_uri(path)}
    mail.send(invitation.email, "accounts/email/invitation", context)


@require_POST
@account_required(role=Role.OWNER)
def revoke(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    """Take an invitation back: its link is good for nothing any more."""
    invitation = get_object_or_404(account.invitations.open(), pk=number)
    with transaction.atomic():
        account.invitations.filter(pk=number).update(revoked_at=timezone.now())
        audit.record(request, "took back the invitation of", invitation.email)
    flash.success(request, f"The link that {invitation.email} has is good for nothing any more.")
    return redirect("team")


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show who invites whom into what; join on POST, as the user who has the address."""
    invitation = invitations.find(token)
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    user = request.user
    if not isinstance(user, User):
        invitations.stash(request, token)
        return render(request, "accounts/invitation.html", {"invitation": invitation})
    if user.email != invitation.email:
        context = {"invitation": invitation, "is_other": True}
        return render(request, "accounts/invitation.html", context)
    if request.method != "POST":
        return render(request, "accounts/invitation.html", {"invitation": invitation})
    return _join(request, invitation, user)


def _join(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    with transaction.atomic():
        if not invitations.accept(invitation, user):
            return render(request, "accounts/invitation_gone.html", status=404)
        audit.record(request, "joined", account=invitation.account)
    invitations.forget(request)
    request.session[SESSION_KEY] = invitation.account.public_id
    flash.success(request, f"You are in {invitation.account} now.")
    return redirect("/")
