"""The pages of webhooks: how each stands, and what members change about it."""

from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages as flash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.models import Account, Membership
from accounts.views import account_required
from events import webhook_standing, webhooks
from events.models import Webhook, WebhookPost
from events.webhook_forms import TrialForm, WebhookForm
from events.webhooks import TooManyWebhooks

DEVELOPER = Membership.Role.DEVELOPER
PAGE = 50
OUTCOMES = ("succeeded", "failed")


def find(account: Account, webhook_id: UUID) -> Webhook:
    """Return a webhook of the account. Raises Http404."""
    return get_object_or_404(Webhook, account=account, pk=webhook_id)


@require_safe
@account_required
def webhook_list(request: HttpRequest, account: Account) -> HttpResponse:
    """List the webhooks of the account and how each stands."""
    standings = webhook_standing.of(list(account.webhooks.order_by("id")))
    return render(request, "events/webhooks.html", {"standings": standings})


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
@reauthentication_required
def new(request: HttpRequest, account: Account) -> HttpResponse:
    """Add a webhook, and show its secret this once."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with transaction.atomic():
                webhook, secret = webhooks.create(account, **form.cleaned_data)
                audit.record(request, "added the webhook", webhooks.shown(webhook.url))
        except TooManyWebhooks as refusal:
            form.add_error(None, f"{refusal}: delete one first.")
        else:
            return _with_secret(request, webhook, secret)
    status = 422 if form.is_bound else 200
    return render(request, "events/webhook_form.html", {"form": form}, status=status)


def snippets(secret: str = "whsec_…") -> dict[str, str]:
    """Return how an application makes sure that a post is ours; docs/webhooks.md tells more."""
    return {
        "python": "from standardwebhooks import Webhook\n\n"
        f'events = Webhook("{secret}").verify(request.body, dict(request.headers))["events"]',
        "node": 'import { Webhook } from "standardwebhooks";\n\n'
        f'const {{ events }} = new Webhook("{secret}").verify(body, request.headers);',
    }


def _with_secret(request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
    context = {"webhook": webhook, "url": webhooks.shown(webhook.url), "secret": secret}
    response = render(request, "events/webhook_secret.html", context | snippets(secret))
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@account_required
def detail(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Show one webhook: how it stands, a test, and the log; `before` is the last post seen."""
    return page(request, find(account, webhook_id))


def page(
    request: HttpRequest,
    webhook: Webhook,
    trial: dict[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Answer with the page of a webhook; `trial` is what a test that was just made came to."""
    outcome, before = request.GET.get("outcome", ""), _before(request)
    posts = WebhookPost.objects.filter(webhook=webhook)
    if outcome and outcome not in OUTCOMES:
        raise Http404
    if outcome:
        posts = posts.filter(error="") if outcome == "succeeded" else posts.exclude(error="")
    if before:
        posts = posts.filter(id__lt=before)
    lean = posts.defer("request_headers", "response_headers", "response_body", "test_body")
    found = list(lean.order_by("-id")[: PAGE + 1])
    here = reverse("webhook-detail", args=[webhook.pk])
    kept = f"{here}?outcome={outcome}" if outcome else f"{here}?"
    context = snippets() | {
        "standing": webhook_standing.of([webhook])[0],
        "webhook": webhook,
        "posts": found[:PAGE],
        "outcome": outcome,
        "outcomes": OUTCOMES,
        "before": before,
        "newest": f"{kept}#log" if before else "",
        "older": f"{kept}&before={found[PAGE - 1].pk}#log" if len(found) > PAGE else "",
        "trial_form": TrialForm(),
        "trial": trial,
    }
    return render(request, "events/webhook.html", context, status=status)


def _before(request: HttpRequest) -> UUID | None:
    text = request.GET.get("before")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Http404 from None


@require_safe
@account_required
def state(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Hand out how a webhook stands, for the page that is open to look again."""
    (standing,) = webhook_standing.of([find(account, webhook_id)])
    return render(request, "events/_webhook_state.html", {"standing": standing})


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def edit(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Change where a webhook posts and what."""
    webhook = find(account, webhook_id)
    form = WebhookForm(request.POST if request.method == "POST" else None, webhook)
    if form.is_valid():
        with transaction.atomic():
            webhooks.change(webhook, **form.changes)
            audit.record(request, "changed the webhook", form.cleaned_data["url"].partition("?")[0])
        flash.success(request, "The webhook is changed.")
        return redirect("webhook-detail", webhook.pk)
    context = {"form": form, "webhook": webhook}
    return render(
        request, "events/webhook_form.html", context, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
@reauthentication_required
def rotate(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Give a webhook a new secret, after one question, and show it this once."""
    webhook = find(account, webhook_id)
    if request.method != "POST":
        return render(request, "confirm.html", {
            "question": "Make a new secret?",
            "consequence": "It is shown once. For 24 hours posts are signed with the one before as "
            "well, so that you can change it in your application without losing a post.",
            "act": "Make a new secret",
            "back": reverse("webhook-detail", args=[webhook.pk]),
        })  # fmt: skip
    with transaction.atomic():
        secret = webhooks.rotate(webhook)
        audit.record(request, "made a new secret for the webhook", webhooks.shown(webhook.url))
    return _with_secret(request, webhook, secret)


@require_POST
@account_required(role=DEVELOPER)
def switch(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Enable a webhook, or disable it."""
    webhook = find(account, webhook_id)
    is_enabled = request.POST.get("enable") == "yes"
    with transaction.atomic():
        webhooks.change(webhook, is_enabled=is_enabled)
        verb = "enabled the webhook" if is_enabled else "disabled the webhook"
        audit.record(request, verb, webhooks.shown(webhook.url))
    if is_enabled:
        flash.success(request, "The webhook is enabled. What waited is posted now.")
    else:
        flash.success(request, "The webhook is disabled: nothing is posted to it.")
    return redirect("webhook-detail", webhook.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required(role=DEVELOPER)
def delete(request: HttpRequest, account: Account, webhook_id: UUID) -> HttpResponse:
    """Delete a webhook, after one question."""
    webhook = find(account, webhook_id)
    url = webhooks.shown(webhook.url)
    if request.method != "POST":
        return render(request, "confirm.html", {
            "question": f"Delete the webhook {url}?",
            "consequence": "Nothing is posted to it any more. Its log and its secret are gone, and "
            "so is what waits for it; the events themselves stay.",
            "act": "Delete the webhook",
            "back": reverse("webhook-detail", args=[webhook.pk]),
        })  # fmt: skip
    with transaction.atomic():
        webhooks.remove(webhook)
        audit.record(request, "deleted the webhook", url)
    flash.success(request, "The webhook is deleted.")
    return redirect("webhook-list")
