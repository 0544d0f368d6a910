"""Make, change, rotate and revoke credentials; a secret is shown on the page that made it."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages as flash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import audit, authentication, changes
from accounts.credential_forms import CredentialForm
from accounts.models import Account, Credential, Membership
from accounts.views import account_required
from domains.models import Domain
from messages.connecting import access, snippets

Role = Membership.Role
GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@never_cache
@account_required(role=Role.ADMIN)
@reauthentication_required
def create(request: HttpRequest, account: Account) -> HttpResponse:
    """Make a credential, and show its secret, which is kept nowhere."""
    form = CredentialForm(account, _names(account), request.POST or None)
    if not form.is_valid():
        return render(request, "connecting/new.html", {"form": form})
    with transaction.atomic():
        # Of two copies of one form the second finds the name taken.
        Account.objects.select_for_update().get(pk=account.pk)
        form.full_clean()
        if not form.is_valid():
            return render(request, "connecting/new.html", {"form": form})
        credential, secret = authentication.create_credential(account, **form.cleaned_data)
        audit.record(request, "created the credential", credential)
    return _secret_page(request, account, credential, secret)


@require_http_methods(GET_OR_POST)
@account_required(role=Role.ADMIN)
def change(request: HttpRequest, account: Account, username: str) -> HttpResponse:
    """Change what a credential may do; running sessions see it at once."""
    credential = _find(account, username)
    form = CredentialForm(account, _names(account), request.POST or None, instance=credential)
    if not form.is_valid():
        context = {"form": form, "credential": _find(account, username)}
        return render(request, "connecting/change.html", context)
    with transaction.atomic():
        if form.changed_data:
            credential.save(update_fields=form.changed_data)
            changes.announce(account.pk)
            audit.record(request, "changed the credential", credential)
    flash.success(request, f"{credential.name} is changed, in sessions that are open too.")
    return redirect("credential-list")


class RotationForm(forms.Form):
    """Ask how a secret is to be replaced, and which: a form that is sent twice does it once."""

    immediately = forms.BooleanField(
        label="End the old secret now",
        required=False,
        help_text="For a secret that somebody else may know. Otherwise the old one stays good for"
        " 24 hours, so that applications can be changed one by one.",
    )
    replaces = forms.CharField(widget=forms.HiddenInput)


@require_http_methods(GET_OR_POST)
@never_cache
@account_required(role=Role.ADMIN)
@reauthentication_required
def rotate(request: HttpRequest, account: Account, username: str) -> HttpResponse:
    """Give a credential a new secret, and show it, this once."""
    with transaction.atomic():
        credential = _find(account, username, for_update=True)
        current = _mark(credential)
        form = RotationForm(request.POST or None, initial={"replaces": current})
        if not form.is_valid():
            return render(request, "confirm.html", _rotation_question(credential, form))
        if not constant_time_compare(form.cleaned_data["replaces"], current):
            flash.warning(request, "It has got another secret meanwhile; nothing was changed now.")
            return redirect("credential-list")
        secret = authentication.rotate(credential, immediately=form.cleaned_data["immediately"])
        audit.record(request, "gave a new secret to", credential)
    return _secret_page(request, account, credential, secret)


def _mark(credential: Credential) -> str:
    """Return what tells one secret of a credential from the next, and nothing else."""
    return salted_hmac("credential rotation", credential.secret_hash).hexdigest()


def _rotation_question(credential: Credential, form: RotationForm) -> dict[str, object]:
    return {
        "question": f"Give {credential.name} a new secret?",
        "consequence": "The new secret is shown on the next page, and never again.",
        "act": "Make a new secret",
        "back": reverse("credential-list"),
        "form": form,
    }


@require_http_methods(GET_OR_POST)
@account_required(role=Role.ADMIN)
def end_rotation(request: HttpRequest, account: Account, username: str) -> HttpResponse:
    """End the secret before the last rotation now, and not when its day is over."""
    with transaction.atomic():
        credential = _find(account, username, for_update=True)
        if request.method != "POST":
            return render(request, "confirm.html", _ending_question(credential))
        authentication.end_rotation(credential)
        audit.record(request, "ended the old secret of", credential)
    flash.success(request, f"Only the new secret of {credential.name} is good now.")
    return redirect("credential-list")


def _ending_question(credential: Credential) -> dict[str, object]:
    return {
        "question": f"End the old secret of {credential.name}?",
        "consequence": "Applications that still log in with it are refused from now on.",
        "act": "End the old secret",
        "back": reverse("credential-list"),
    }


@require_http_methods(GET_OR_POST)
@account_required(role=Role.ADMIN)
def revoke(request: HttpRequest, account: Account, username: str) -> HttpResponse:
    """End a credential for ever, after a question."""
    with transaction.atomic():
        credential = _find(account, username, for_update=True)
        if request.method != "POST":
            return render(request, "confirm.html", _revocation_question(credential))
        authentication.revoke(credential)
        audit.record(request, "revoked the credential", credential)
    flash.success(request, f"{credential.name} is revoked, in sessions that are open too.")
    return redirect("credential-list")


def _revocation_question(credential: Credential) -> dict[str, object]:
    return {
        "question": f"Revoke {credential.name} for ever?",
        "consequence": f"Whoever logs in as {credential.username} is refused from now on, in"
        " sessions that are open too. What was accepted is delivered. This cannot be undone.",
        "act": "Revoke it",
        "back": reverse("credential-list"),
    }


def _names(account: Account) -> list[str]:
    return list(Domain.objects.filter(account=account).values_list("name", flat=True))


def _find(account: Account, username: str, *, for_update: bool = False) -> Credential:
    live = account.credentials.filter(revoked_at=None, username=username)
    credential = (live.select_for_update() if for_update else live).first()
    if credential is None:
        raise Http404
    return credential


def _secret_page(
    request: HttpRequest, account: Account, credential: Credential, secret: str
) -> HttpResponse:
    values = access.of(request, account, credential, secret)
    context: dict[str, Any] = {
        "credential": credential,
        "access": values,
        "snippets": snippets.fill_in(values),
    }
    return render(request, "connecting/secret.html", context)
