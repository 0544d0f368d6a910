"""Send the records of a domain to a colleague, and what the colleague then sees."""

from django.contrib import messages as flash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.mail import NotSent
from accounts.models import Account
from accounts.views import account_required
from domains import page_acts, presentation, shared
from domains.forms import ColleagueForm
from domains.pages import ADMIN, find
from domains.shared import SENT, TooMany


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=ADMIN)
def domain_send(request: HttpRequest, account: Account, public_id: str) -> HttpResponse:
    """Send the records to a colleague, or hand out the link."""
    domain = find(account, public_id)
    url = request.build_absolute_uri(reverse("domain-shared", args=[shared.token(domain)]))
    form = ColleagueForm(request.POST or None)
    if form.is_valid():
        address = form.cleaned_data["email"]
        try:
            # One transaction: what could not be sent is not written down.
            with transaction.atomic():
                shared.send(account, address, presentation.show(domain), str(request.user), url)
                audit.record(request, SENT, f"{address}: {domain}")
        except (TooMany, NotSent) as error:
            form.add_error("email", str(error))
        else:
            flash.success(request, f"{address} has a message with the records and a link to them.")
            return redirect("domain-detail", public_id)
    context = {"form": form, "domain": domain, "url": url, "days": shared.VALID_FOR.days}
    return render(request, "domains/send.html", context)


@require_safe
@never_cache
def domain_shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show the records to whoever has the link; nothing can be changed."""
    domain = shared.find(token)
    if domain is None:
        return _unlisted(render(request, "domains/shared_gone.html", status=404))
    context = {"shown": presentation.show(domain), "token": token}
    return _unlisted(render(request, "domains/shared.html", context))


@require_safe
def domain_shared_file(request: HttpRequest, token: str) -> HttpResponse:
    """Hand out the records as a zone file to whoever has the link."""
    domain = shared.find(token)
    if domain is None:
        return _unlisted(render(request, "domains/shared_gone.html", status=404))
    return _unlisted(page_acts.zone_file_of(domain))


def _unlisted(response: HttpResponse) -> HttpResponse:
    """Keep what a link shows out of search engines, and the link out of other sites' logs."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response
