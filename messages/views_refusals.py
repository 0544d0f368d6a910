"""The page of what an account's applications tried to submit and we did not take."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import account_required
from messages import search
from messages.models import Refusal
from messages.refusals import Cause

PAGE = 50
MAX_ID = 2**63 - 1
CAUSES = {cause.slug: cause for cause in Cause}


@dataclass(frozen=True, slots=True)
class Row:
    """A refusal, and what its cause is called."""

    refusal: Refusal
    title: str


@require_safe
@account_required
def refusal_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List refusals, newest first; `before` is the id of the last of the page before."""
    before, cause = _before(request), _cause(request)
    found = Refusal.objects.filter(account=account).select_related("credential")
    if cause:
        found = search.newest(found).filter(cause=cause.slug)
    if before:
        found = found.filter(id__lt=before)
    refusals = list(found.order_by("-id")[: PAGE + 1])
    page = refusals[:PAGE]
    query = {"cause": cause.slug} if cause else {}
    context = {
        "rows": [Row(one, _title(one)) for one in page],
        "cause": cause,
        "before": before,
        "newest": f"?{urlencode(query)}" if before else "",
        "older": f"?{urlencode(query | {'before': page[-1].id})}" if len(refusals) > PAGE else "",
    }
    return render(request, "messages/refusals.html", context)


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID):
        raise Http404
    return int(text)


def _cause(request: HttpRequest) -> Cause | None:
    slug = request.GET.get("cause")
    if slug and slug not in CAUSES:
        raise Http404
    return CAUSES[slug] if slug else None


def _title(refusal: Refusal) -> str:
    # A row may be older than the causes of this version.
    known = CAUSES.get(refusal.cause)
    return known.value.title if known else refusal.cause.replace("_", " ")
