"""The page Volume: what may be sent today, how that grows, how the account stands, more of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import allowance, approval, audit, ladder, notices, plan
from accounts.frame import STANDINGS
from accounts.ladder import Figures
from accounts.message_class import MessageClass
from accounts.models import Account, Membership, User
from accounts.plan import HIGHEST
from accounts.views import account_required
from accounts.volume import Measure, RampUpRequest, Standing
from domains.models import Domain
from events import ramp_up, reputation, statistics
from events.models import Kind
from events.statistics import Query

ADMIN = Membership.Role.ADMIN
DAYS, NOTICES, REQUESTS = 30, 5, 5
# The share of an allowance below which a day's bar could not be seen beside it.
FAR_BELOW = 0.05
MAX_TEXT = 2_000


class RequestForm(forms.Form):
    """Ask for more volume."""

    amount = forms.IntegerField(
        min_value=1, max_value=HIGHEST // 2, label="Recipients a day",
        help_text="The most that you expect to send to on one day in the next months.",
    )  # fmt: skip
    purpose = forms.CharField(
        max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3}), label="What mail is it?",
        help_text="For example: orders and invoices of our shop, password resets.",
    )  # fmt: skip
    sources = forms.CharField(
        max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 3}),
        label="Where do the addresses come from?",
        help_text="For example: customers confirm theirs when they sign up.",
    )  # fmt: skip

    def __init__(self, account: Account, *args: Any) -> None:
        super().__init__(*args)
        self._account = account

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount <= self._account.ceiling and not self._account.is_test:
            raise forms.ValidationError(
                f"Your volume may grow up to {self._account.ceiling:,} already; ask for more than"
                " that."
            )
        return amount


class AnswerForm(forms.Form):
    """Answer what staff have asked."""

    answer = forms.CharField(
        max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 4}), label="Your answer"
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that the next stage takes, and whether it is so by now."""

    is_met: bool
    text: str


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def volume(request: HttpRequest, account: Account) -> HttpResponseBase:
    """Show the volume of the account; a POST, by an admin, asks for more."""
    if request.method == "POST":
        return ask(request)
    return _page(request, account, RequestForm(account))


@account_required(role=ADMIN)
def ask(request: HttpRequest, account: Account) -> HttpResponse:
    """Put a request before staff, or show what is wrong with it."""
    form = RequestForm(account, request.POST)
    if not _verified(account):
        form.add_error(None, "Verify a domain first: then we know whose mail it is.")
    if not form.is_valid():
        return _page(request, account, form)
    assert isinstance(request.user, User)
    with transaction.atomic():
        row = approval.ask(account, request.user.email, **form.cleaned_data)
        audit.record(request, "asked for more volume:", f"{row.amount:,} recipients a day")
    flash.success(request, "Your request is with our staff. You are told by mail what they say.")
    return redirect("volume")


@require_POST
@account_required(role=ADMIN)
def withdraw(request: HttpRequest, account: Account, request_id: int) -> HttpResponse:
    """Take a request back."""
    row = get_object_or_404(RampUpRequest, account=account, pk=request_id)
    with transaction.atomic():
        is_done = approval.withdraw(account, row.pk)
        if is_done:
            audit.record(request, "withdrew a request for more volume")
    if is_done:
        flash.success(request, "The request is withdrawn.")
    else:
        flash.warning(request, "Nothing was done: the request is not pending any more.")
    return redirect("volume")


@require_POST
@account_required(role=ADMIN)
def answer(request: HttpRequest, account: Account, request_id: int) -> HttpResponse:
    """Answer the question of staff."""
    row = get_object_or_404(RampUpRequest, account=account, pk=request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, account, RequestForm(account), form)
    if not approval.reply(account, row.pk, form.cleaned_data["answer"]):
        raise Http404
    flash.success(request, "Your answer is with our staff.")
    return redirect("volume")


def _page(
    request: HttpRequest, account: Account, form: RequestForm, answer_form: AnswerForm | None = None
) -> HttpResponse:
    now = timezone.now()
    usage = allowance.usage(account)
    asked = account.ramp_up_requests.order_by("-id")
    last_step = account.standing_changes.order_by("-id").first()
    context = {
        "usage": usage,
        "shown_used": min(usage.used, usage.allowance),
        "kept": usage.allowance - usage.allowance * allowance.SHARE[MessageClass.STANDARD] // 100,
        "resets_at": allowance.resets_at(),
        "stage": account.stage + 1,
        "next_amount": _next_amount(account),
        "conditions": _conditions(account, usage, now),
        "standing": STANDINGS[Standing(account.standing)],
        "why": notices.text_of_step(last_step) if account.standing and last_step else "",
        "rungs": _rungs(account, now),
        "chart": _chart(account, now),
        "days": account.volume_days.order_by("-day")[:DAYS],
        "notices": account.notices.order_by("-id")[:NOTICES],
        "pending": asked.filter(state=RampUpRequest.State.PENDING).first(),
        "earlier": asked.exclude(state=RampUpRequest.State.PENDING)[:REQUESTS],
        "form": form,
        "answer_form": answer_form or AnswerForm(),
        "is_verified": _verified(account),
    }
    status = 422 if form.is_bound or answer_form else 200
    return render(request, "events/volume.html", context, status=status)


def _verified(account: Account) -> bool:
    return Domain.objects.filter(account=account, verified_at__isnull=False).exists()


def _next_amount(account: Account) -> int | None:
    """Return the recipients a day of the next stage; None: staff must approve more first."""
    if plan.amount(account.stage) >= account.ceiling:
        return None
    return min(plan.amount(account.stage + 1), account.ceiling)


def _conditions(account: Account, usage: allowance.Usage, now: datetime) -> list[Condition]:
    """Return what the next stage takes, as of this day so far."""
    start = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    today = reputation.figures(account, start, now)
    half = -(-account.allowance // 2)
    rates = [
        Condition(
            today.rate(measure) < limit,
            f"{ramp_up.NAMES[measure]} stay under {100 * limit:g} %"
            f" ({100 * today.rate(measure):.2f} % today)",
        )
        for measure, limit in ramp_up.GOOD_BELOW.items()
    ]
    return [
        Condition(usage.used >= half, f"At least {half:,} recipients are used ({usage.used:,})"),
        *rates,
        Condition(account.standing == Standing.GOOD, "The account is in good standing"),
    ]


def _rungs(account: Account, now: datetime) -> list[tuple[str, str, str]]:
    """Return of each measure its name, its rate in seven days, and what it is counted from."""
    since = ladder.window_start(account, ladder.WINDOW, now)
    week: Figures = reputation.figures(account, since, now)
    rows = []
    for measure, name in ramp_up.NAMES.items():
        count, out_of = week.count_of(measure)
        places = 3 if measure is Measure.COMPLAINTS else 2
        rate = f"{100 * week.rate(measure):.{places}f} %" if out_of else "–"
        rows.append((name, rate, f"{count:,} of {out_of:,}"))
    return rows


def _chart(account: Account, now: datetime) -> dict[str, object]:
    """Return recipients by day and their allowance, as static/charts.js wants them."""
    buckets = statistics.by_interval(Query(account, now - timedelta(days=DAYS - 1), now, "day"))
    days = account.volume_days.order_by("-day").values_list("day", "allowance", "used")
    known = {day: (allowance, used) for day, allowance, used in days[: DAYS + 1]}
    series = [
        _series(buckets, "Delivered", Kind.DELIVERY, "good"),
        _series(buckets, "Bounced", Kind.BOUNCE, "wrong"),
    ]
    # Where an allowance is far above, its line would press all else to the ground.
    if any(used > FAR_BELOW * allowance for allowance, used in known.values()):
        line = [known.get(bucket.start.date(), (None, 0))[0] for bucket in buckets]
        series.append({"name": "Allowance", "tone": "muted", "dashed": True, "values": line})
    return {
        "type": "bar",
        "stacked": True,
        "labels": [f"{bucket.start:%-d %b}" for bucket in buckets],
        "series": series,
    }


def _series(
    buckets: list[statistics.Bucket], name: str, kind: Kind, tone: str
) -> dict[str, object]:
    return {"name": name, "tone": tone, "values": [bucket.counts[kind] for bucket in buckets]}
