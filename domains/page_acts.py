"""What can be done on the page of a domain: a new key, tracking, the zone file, deleting."""

from email.utils import parseaddr

from django.conf import settings
from django.contrib import messages as flash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import Account
from accounts.views import account_required
from domains import needs, rotation, sending_domains
from domains.forms import TrackingForm
from domains.models import Domain
from domains.pages import ADMIN, find
from domains.rotation import RotationRefused
from domains.zone_file import zone_file


@require_POST
@account_required(role=ADMIN)
def domain_rotate(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Make the next signing key."""
    domain = find(account, public_id)
    try:
        with transaction.atomic():
            key = rotation.begin(domain)
            audit.record(request, "made a new signing key for", domain)
    except RotationRefused as refusal:
        flash.error(request, f"{refusal}.")
    else:
        flash.success(
            request, f"Publish the record of the key {key.selector}; it signs once DNS shows it."
        )
    return redirect("domain-detail", public_id)


@require_POST
@account_required(role=ADMIN)
def domain_tracking(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Say whether opens and clicks of mail under a domain are noticed."""
    domain = find(account, public_id)
    form = TrackingForm(request.POST)
    if not form.is_valid():
        flash.error(request, "Nothing was changed: choose one of the words in each list.")
        return redirect("domain-detail", public_id)
    with transaction.atomic():
        sending_domains.change(domain, **form.switches())
        audit.record(request, "changed the tracking of", domain)
    flash.success(request, "Saved. It holds for what is accepted from now on.")
    return redirect("domain-detail", public_id)


@require_safe
@account_required
def domain_zone_file(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Hand out the records as a zone file."""
    return zone_file_of(find(account, public_id))


def zone_file_of(domain: Domain) -> HttpResponse:
    """Return the records of a domain as a file to save."""
    needed = needs.of(domain)
    records = needed.records if needed else ()
    response = HttpResponse(zone_file(records), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{domain.name}.txt"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=ADMIN)
def domain_delete(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Take a domain away, once it was asked."""
    domain = find(account, public_id)
    if request.method != "POST":
        return render(request, "confirm.html", _question(domain))
    with transaction.atomic():
        audit.record(request, "deleted the domain", domain)
        sending_domains.remove(domain)
    flash.success(request, f"{domain.name} is gone. You can take its records out of DNS.")
    return redirect("domain-list")


def _question(domain: Domain) -> dict[str, object]:
    consequence = (
        f"Mail from addresses at {domain} is refused from this moment, and what waits cannot be "
        "signed any more, so it is not sent. Its signing keys are destroyed; if you add it again, "
        "its records are others. What was sent stays under Messages."
    )
    if domain.name == parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]:
        consequence += " The mail of this service itself goes under it, and is not sent either."
    return {
        "question": f"Delete {domain}?",
        "consequence": consequence,
        "act": "Delete the domain",
        "back": reverse("domain-detail", args=[domain.public_id]),
    }
