"""The pages of an account's domains: the list, a new one, and one with its records."""

from django.contrib import messages as flash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import Account, Membership
from accounts.views import account_required
from domains import presentation, sending_domains
from domains.forms import NewDomainForm, TrackingForm
from domains.models import Domain
from domains.presentation import COOLDOWN
from domains.sending_domains import CheckRunning, DomainRefused
from domains.states import State, state_of

ADMIN = Membership.Role.ADMIN
PAGE = 50


def find(account: Account, public_id: str) -> Domain:
    """Return a domain of an account; one of another account is not found."""
    domains = Domain.objects.prefetch_related("signing_keys")
    return get_object_or_404(domains, account=account, public_id=public_id)


@require_safe
@account_required
def domain_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List domains by name; `after` is the last name of the page before."""
    domains = Domain.objects.filter(account=account).prefetch_related("signing_keys")
    after = request.GET.get("after", "").replace("\0", "")
    if after:
        domains = domains.filter(name__gt=after)
    found = list(domains.order_by("name")[: PAGE + 1])
    context = {
        "shown": [presentation.show(domain) for domain in found[:PAGE]],
        "newest": request.path if after else "",
        "older": f"?after={found[PAGE - 1].name}" if len(found) > PAGE else "",
    }
    return render(request, "domains/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=ADMIN)
def domain_new(request: HttpRequest, account: Account) -> HttpResponse:
    """Add a domain, and go to its records."""
    form = NewDomainForm(request.POST or None)
    if form.is_valid():
        try:
            with transaction.atomic():
                domain = sending_domains.add(
                    account, form.cleaned_data["domain"], form.cleaned_data["mta_label"]
                )
                audit.record(request, "added the domain", domain)
        except DomainRefused as refusal:
            form.add_error(refusal.field, _sentence(refusal, account, form.cleaned_data["domain"]))
        else:
            return redirect("domain-detail", domain.public_id)
    return render(request, "domains/new.html", {"form": form})


def _sentence(refusal: DomainRefused, account: Account, name: str) -> str:
    """Say why a domain was not added, and what to do."""
    if refusal.code != "taken":
        return f"{refusal}."
    if Domain.objects.filter(account=account, name=sending_domains.normalise(name)).exists():
        return "You have it already: it stands in the list of your domains."
    return (
        "Another account has added this domain already. If it is yours, a colleague may have done "
        "so; otherwise ask whoever runs this service to free it."
    )


@require_safe
@account_required
def domain_detail(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Show a domain: what to publish, what was found of it, and all that can be done."""
    domain = find(account, public_id)
    context = {
        "shown": presentation.show(domain),
        "keys": presentation.keys_of(domain),
        "form": TrackingForm.of(domain),
    }
    return render(request, "domains/detail.html", context)


@require_safe
@account_required
def domain_records(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Return the part of the page that checks change; 204 where it is as `seen` says."""
    shown = presentation.show(find(account, public_id))
    if request.GET.get("seen") == shown.mark:
        return HttpResponse(status=204)
    return render(request, "domains/_records.html", {"shown": shown})


@require_POST
@account_required(role=ADMIN)
def domain_check(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Ask DNS now, unless it was asked a moment ago; by htmx only the records come back."""
    domain = find(account, public_id)
    word = _check(domain)
    if "HX-Request" not in request.headers:
        flash.info(request, word)
        return redirect("domain-detail", public_id)
    context = {"shown": presentation.show(find(account, public_id)), "word": word}
    return render(request, "domains/_records.html", context)


def _check(domain: Domain) -> str:
    """Check a domain; say in a sentence what came of it."""
    if domain.checked_at and timezone.now() < domain.checked_at + COOLDOWN:
        return f"DNS was asked a moment ago. Wait {COOLDOWN.seconds} seconds, and try again."
    try:
        sending_domains.check_now(domain)
    except Domain.DoesNotExist:
        raise Http404 from None  # removed meanwhile
    except CheckRunning as refusal:
        return f"{refusal}."
    if state_of(domain) == State.VERIFIED:
        return f"All records that {domain} needs were found."
    return "Not all records were found. Each says what to do."
