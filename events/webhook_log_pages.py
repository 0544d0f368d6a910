"""Try a webhook from its page, look at what was posted, and post events again."""

import json
from uuid import UUID

from django.contrib import messages as flash
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import Account
from accounts.views import account_required
from events import batches, reading, replay, trials, webhook_standing, webhooks
from events.models import Kind, Webhook, WebhookPost
from events.reading import TooLong
from events.replay import ReplayRefused
from events.trials import TrialRunning
from events.webhook_forms import ReplayForm, TrialForm
from events.webhook_pages import DEVELOPER, find, page


def told(post: WebhookPost) -> dict[str, object]:
    """Return a post as pages show it whole."""
    return {
        "post": post,
        "request_headers": list(post.request_headers.items()),
        "request_body": _laid_out(batches.body_of(post)),
        "response_headers": list(post.response_headers.items()),
        "response_body": post.response_body,
    }


def _laid_out(body: str) -> str:
    """Return JSON with line ends, as people read it."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body else ""


@require_POST
@account_required(role=DEVELOPER)
def try_now(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Post a sample now and show what came of it: in place for htmx, else on the whole page."""
    webhook = find(account, webhook_id)
    form = TrialForm(request.POST)
    kind = Kind(form.cleaned_data["kind"]) if form.is_valid() else Kind.DELIVERY
    try:
        trial = told(trials.run(webhook, kind))
    except TrialRunning as refusal:
        trial = {"refusal": f"{refusal}."}
    webhook.refresh_from_db()
    if request.headers.get("HX-Request"):
        (standing,) = webhook_standing.of([webhook])
        return render(request, "events/_tried.html", {"trial": trial, "standing": standing})
    return page(request, webhook, trial)


@require_safe
@account_required
def post_detail(
    request: HttpRequest, account: Account, webhook_id: UUID, post_id: UUID
) -> HttpResponse:
    """Show one post: the request, the response, and when it is tried again."""
    webhook = find(account, webhook_id)
    context = {"webhook": webhook, "url": webhooks.shown(webhook.url)}
    return render(request, "events/webhook_post.html", context | told(_post(webhook, post_id)))


def _post(webhook: Webhook, post_id: UUID) -> WebhookPost:
    posts = WebhookPost.objects.select_related("batch")
    return get_object_or_404(posts, webhook=webhook, pk=post_id)


@require_POST
@account_required(role=DEVELOPER)
def replay_post(
    request: HttpRequest, account: Account, webhook_id: UUID, post_id: UUID
) -> HttpResponse:
    """Post the events of one post again."""
    webhook = find(account, webhook_id)
    post = _post(webhook, post_id)
    try:
        with transaction.atomic():
            count = replay.by_post(webhook, post.pk)
            _record(request, webhook, count)
    except ReplayRefused as refusal:
        flash.error(request, f"{refusal}.")
        return redirect("webhook-post", webhook.pk, post.pk)
    return _replayed(request, webhook, count)


def _record(request: HttpRequest, webhook: Webhook, count: int) -> None:
    audit.record(request, f"replayed {count} events to the webhook", webhooks.shown(webhook.url))


def _replayed(request: HttpRequest, webhook: Webhook, count: int) -> HttpResponse:
    words = f"{count:,} event{'' if count == 1 else 's'}"
    flash.success(request, f"{words} will be posted again, behind what waits already.")
    return redirect("webhook-detail", webhook.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def replay_filter(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Post the events of a time, or of any other filter, again."""
    webhook = find(account, webhook_id)
    form = ReplayForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with reading.bounded():
                count = replay.by_filter(webhook, form.wanted)
                _record(request, webhook, count)
        except ReplayRefused as refusal:
            form.add_error(None, f"{refusal}.")
        except TooLong as error:
            form.add_error(None, f"The search took too long. {error}.")
        else:
            return _replayed(request, webhook, count)
    context = {"webhook": webhook, "url": webhooks.shown(webhook.url), "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "events/webhook_replay.html", context, status=status)
