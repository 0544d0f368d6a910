"""A test message: sent by one click with a credential of the account, and watched on its way."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import authentication
from accounts.client_address import client_address
from accounts.models import Account, Credential, Membership, Scope
from accounts.views import account_required
from messages import message_page, rest_door, sender
from messages.connecting import access
from messages.models import FINAL
from messages.rest_door import Turned

SUBJECT = "A test of {domain}"
TEXT = """\
This message was sent from the page SMTP & API keys, to see that mail under {domain} arrives.

It was signed like any other. Nobody has to answer.
"""
TAG = "test-message"
# So long after it was taken a message is looked at each second, then every ten.
LIVELY = timedelta(minutes=1)


class TrialForm(forms.Form):
    """Ask with which credential, under which domain, and to whom."""

    credential = forms.ChoiceField(label="Credential")
    domain = forms.ChoiceField(label="From a domain")
    to = forms.EmailField(label="To", help_text="One address that you can look at.")

    def __init__(
        self, credentials: list[Credential], domains: list[str], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one.username, f"{one.name} ({one.username})") for one in credentials]
        for name, values in (
            ("credential", choices),
            ("domain", [(name, f"hello@{name}") for name in domains]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = values


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=Membership.Role.DEVELOPER)
def send(request: HttpRequest, account: Account) -> HttpResponse:
    """Send one message by the road of every other, and go where it can be watched."""
    live = account.credentials.filter(revoked_at=None, scopes__contains=[Scope.SEND])
    credentials = list(live.order_by("-created_at"))
    domains = access.sending_domains(account, None)
    initial = {"to": access.recipient(str(request.user))}
    form = TrialForm(credentials, domains, request.POST or None, initial=initial)
    if form.is_valid():
        message_id = _submit(request, form)
        if message_id:
            return redirect("credential-trial", message_id)
    context = {"form": form, "may_send": credentials and domains, "domains": domains}
    return render(request, "connecting/trial.html", context)


def _submit(request: HttpRequest, form: TrialForm) -> UUID | None:
    """Return the id of the message that was taken; None: the form says why it was not."""
    data = form.cleaned_data
    credential = authentication.find_credential(data["credential"])
    if credential is None:
        form.add_error("credential", "It was revoked meanwhile.")
        return None
    who = sender.of(credential)
    (result,) = rest_door.examine([_body(data["domain"], data["to"])], who)
    if isinstance(result, Turned):
        rest_door.record([result], who, client_address(request.META) or None)
        form.add_error(None, f"It was not taken: {result.text}.")
        return None
    rest_door.submit([result])
    return result.accepted.id


def _body(domain: str, to: str) -> dict[str, object]:
    return {
        "from": f"hello@{domain}",
        "to": [to],
        "subject": SUBJECT.format(domain=domain),
        "plain": TEXT.format(domain=domain),
        "tags": [TAG],
    }


@require_safe
@account_required
def watch(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Show how far a message is; htmx asks for the part that changes until all is settled."""
    message = message_page.find(account, message_id)
    stories = message_page.stories_of(message, message_page.events_of(message))
    is_young = timezone.now() - message.accepted_at < LIVELY
    is_part = "HX-Request" in request.headers
    context = {
        "message": message,
        "stories": stories,
        "is_settled": all(one.recipient.state in FINAL for one in stories),
        "wait": 1 if is_young else 10,
        "is_part": is_part,
    }
    page = "connecting/_progress.html" if is_part else "connecting/watch.html"
    return render(request, page, context)
