"""/docs/: the documentation inside the product, with the reader's own values when logged in."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.views import current_membership
from cloudmta import guide
from cloudmta.guide_figures import figures
from messages.connecting import access


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """List the topics."""
    return render(request, "docs/index.html", {"topics": guide.TOPICS})


@require_safe
def docs_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one topic."""
    try:
        page = guide.page(slug, _values(request) | figures())
    except KeyError:
        raise Http404 from None
    context = {"page": page, "slug": slug, "topics": guide.TOPICS}
    return render(request, "docs/page.html", context)


def _values(request: HttpRequest) -> dict[str, Any]:
    """Return what examples are filled in with: the account's values, or what stands for them."""
    membership = current_membership(request)
    if membership:
        known = membership.account
        values = access.of(request, known, access.usual_credential(known))
    else:
        values = access.of_nobody(request)
    return {"access": values, "is_logged_in": membership is not None}
