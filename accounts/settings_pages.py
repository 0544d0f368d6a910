"""The settings of an account, the few of a user, and the end of an account."""

import zoneinfo
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, changes, team
from accounts.models import Account, Membership, User
from accounts.views import SESSION_KEY, account_required, current_membership

Role = Membership.Role


class AccountSettingsForm(forms.ModelForm):
    """What admins may change in an account."""

    class Meta:
        model = Account
        fields = [
            "name", "content_days", "message_days", "event_days", "track_opens", "track_clicks",
            "requires_two_factor",
        ]  # fmt: skip
        labels = {
            "name": "Name of the account",
            "content_days": "Days that contents are kept",
            "message_days": "Days that messages and attempts are kept",
            "event_days": "Days that events are kept",
            "track_opens": "Notice when a message is opened",
            "track_clicks": "Notice when a link in it is followed",
            "requires_two_factor": "Every member needs a second factor",
        }
        help_texts = {
            "content_days": "0 to 365. With 0 a content is gone once its last recipient is "
            "settled. What is still to be sent is never taken away.",
            "message_days": "7 to 730, and no fewer than contents are kept.",
            "event_days": "30 to 1,100. Counts in charts stay for ever.",
            "track_opens": "A picture of one pixel in HTML tells. A domain or a single message "
            "may say otherwise.",
            "track_clicks": "Links in HTML lead through this service.",
            "requires_two_factor": "Who has none is asked to set one up before anything else.",
        }

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        contents, messages = found.get("content_days"), found.get("message_days")
        if contents is not None and messages is not None and contents > messages:
            self.add_error("message_days", "Keep messages at least as long as their contents.")
        return found


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def settings(request: HttpRequest, account: Account) -> HttpResponse:
    """Show the settings of the account and of the user; admins change those of the account."""
    form = AccountSettingsForm(instance=Account.objects.get(pk=account.pk))
    if request.method == "POST":
        membership = current_membership(request)
        if membership is None or not membership.may_administer:
            raise PermissionDenied("Admins and owners change settings. Ask one of them.")
        form = AccountSettingsForm(request.POST, instance=Account.objects.get(pk=account.pk))
        if form.is_valid():
            _save(request, form)
            return redirect("settings")
    context = {"form": form, "zones": sorted(zoneinfo.available_timezones())}
    return render(request, "accounts/settings.html", context)


def _save(request: HttpRequest, form: AccountSettingsForm) -> None:
    labels = [str(form.fields[name].label).lower() for name in form.changed_data]
    with transaction.atomic():
        form.save()
        changes.announce(form.instance.pk)
        if labels:
            audit.record(request, "changed settings:", ", ".join(labels))
    flash.success(request, "Saved.")


@require_POST
@login_required
def choose_time_zone(request: HttpRequest) -> HttpResponse:
    """Show times in another zone to this user."""
    zone = request.POST.get("time_zone", "")
    if zone in zoneinfo.available_timezones():
        assert isinstance(request.user, User)
        request.user.time_zone = zone
        request.user.save(update_fields=["time_zone"])
        flash.success(request, f"Times are shown as the clocks in {zone} say.")
    else:
        flash.error(request, "No such time zone is known. Choose one from the list.")
    return redirect("settings")


class NameForm(forms.Form):
    """Ask for the name of what is about to be deleted."""

    def __init__(self, account: Account, *args: Any) -> None:
        super().__init__(*args)
        self.account = account
        self.fields["name"] = forms.CharField(
            label=f"Type the name of the account: {account.name}",
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("name") != self.account.name:
            self.add_error("name", f"This is not its name, which is {self.account.name}.")
        return found


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=Role.OWNER)
@reauthentication_required
def delete(request: HttpRequest, account: Account) -> HttpResponse:
    """End an account: whoever owns it gives the password and types the name."""
    form = NameForm(account, request.POST if request.method == "POST" else None)
    if form.is_valid():
        with transaction.atomic():
            team.close(account)
            changes.announce(account.pk)
        request.session.pop(SESSION_KEY, None)
        flash.success(request, f"{account.name} is deleted.")
        return redirect("/")
    context = {
        "question": f"Delete {account.name}?",
        "consequence": "Nobody can look at it or send by it from this moment. Its domains, "
        "messages, events, suppressions and webhooks are gone for good within minutes.",
        "act": "Delete the account",
        "back": reverse("settings"),
        "form": form,
    }
    return render(request, "confirm.html", context)
