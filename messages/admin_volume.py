"""Volume in the admin: decide on requests for more, and on accounts that came under review."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.timesince import timesince

from accounts import approval
from accounts.approval import Ruling
from accounts.models import User
from accounts.staff_pages import ReadOnlyAdmin, StateFilter
from accounts.volume import RampUpDecision, RampUpRequest
from domains.models import Domain
from events.admin_columns import percent, week
from events.models import Kind
from messages import evidence

Verdict = RampUpDecision.Verdict
MAX_WORDS = 2_000
HIGHEST = 1_000_000_000


class RulingForm(forms.Form):
    """What staff want to say to a request. Which fields there are depends on the verdict."""

    amount = forms.IntegerField(
        min_value=1, max_value=HIGHEST, label="Recipients a day",
        help_text="The ceiling up to which the volume grows.",
    )  # fmt: skip
    is_at_once = forms.BooleanField(
        required=False,
        label="The whole amount from now on",
        help_text="For a domain that has sent as much elsewhere. Otherwise it grows by the plan,"
        " a stage a day while the mail is good.",
    )
    words = forms.CharField(
        required=False, max_length=MAX_WORDS, widget=forms.Textarea(attrs={"rows": 6}),
        label="In your words", help_text="The customer is sent this.",
    )  # fmt: skip

    def __init__(self, verdict: Verdict, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if verdict is not Verdict.APPROVED:
            del self.fields["amount"], self.fields["is_at_once"]
            self.fields["words"].required = True

    def ruling(self, verdict: Verdict) -> Ruling:
        """Return what a valid form says."""
        return Ruling(verdict, **self.cleaned_data)


class RequestState(StateFilter):
    states = RampUpRequest.State
    first = RampUpRequest.State.PENDING


class RampUpRequestAdmin(ReadOnlyAdmin):
    """Requests for more volume, the oldest that waits first, each with the evidence."""

    change_form_template = "admin/volume/request.html"
    ordering = ("asked_at",)
    list_filter = (RequestState,)
    list_select_related = ("account",)
    list_display = (
        "account", "now_and_asked", "sent", "bounces", "complaints", "domains", "age", "state",
    )  # fmt: skip
    actions = ("approve_all",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        verified = Domain.objects.filter(account=OuterRef("account"), verified_at__isnull=False)
        first = verified.order_by("name").values("name")[:1]
        return (
            super().get_queryset(request)
            .annotate(
                delivered=week(Kind.DELIVERY), bounced=week(Kind.BOUNCE),
                complained=week(Kind.COMPLAINT), domain=Subquery(first),
            )
        )  # fmt: skip

    @admin.display(description="now → asked")
    def now_and_asked(self, row: Any) -> str:
        return f"{row.account.allowance:,} (up to {row.account.ceiling:,}) → {row.amount:,}"

    @admin.display(description="delivered, 7 days")
    def sent(self, row: Any) -> str:
        return f"{row.delivered or 0:,}"

    @admin.display(description="bounces")
    def bounces(self, row: Any) -> str:
        return percent(row.bounced, (row.delivered or 0) + (row.bounced or 0))

    @admin.display(description="complaints")
    def complaints(self, row: Any) -> str:
        return percent(row.complained, row.delivered)

    @admin.display(description="verified domain")
    def domains(self, row: Any) -> str:
        return row.domain or "none"

    @admin.display(description="waits for")
    def age(self, row: Any) -> str:
        return timesince(row.asked_at, depth=1)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.approve_rampup")

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide)
        return [
            path("<int:pk>/decide/<str:verdict>/", decide, name="accounts_rampuprequest_decide"),
            *super().get_urls(),
        ]

    def facts(self, request: HttpRequest, row: RampUpRequest) -> dict[str, Any]:
        return {
            "row": row,
            "evidence": evidence.gather(row.account),
            "may_decide": self.has_approve_permission(request)
            and row.state == RampUpRequest.State.PENDING,
            "title": "Decide on a request",
        }

    def decide(self, request: HttpRequest, pk: int, verdict: str) -> HttpResponse:
        """Ask what to say, show what the customer will read, and do it when that is confirmed."""
        row = RampUpRequest.objects.select_related("account").filter(pk=pk).first()
        if row is None or verdict not in (Verdict.APPROVED, Verdict.REJECTED, Verdict.ASKED):
            raise Http404
        if not self.has_approve_permission(request):
            raise PermissionDenied
        asked = Verdict(verdict)
        form = RulingForm(asked, request.POST or None, initial={"amount": row.amount})
        is_valid = request.method == "POST" and form.is_valid()
        if not is_valid or "confirmed" not in request.POST:
            return self._ask(request, row, asked, form, is_valid=is_valid)
        assert isinstance(request.user, User)
        answer = approval.decide(row.pk, form.ruling(asked), request.user)
        if answer.is_done:
            self.log_change(request, row, answer.text)
        flash.add_message(request, flash.SUCCESS if answer.is_done else flash.WARNING, answer.text)
        return redirect("admin:accounts_rampuprequest_changelist")

    def _ask(
        self,
        request: HttpRequest,
        row: RampUpRequest,
        verdict: Verdict,
        form: RulingForm,
        *,
        is_valid: bool,
    ) -> HttpResponse:
        letter = None
        if is_valid:
            letter = approval.letter(
                row, row.account, form.ruling(verdict), was_test=row.account.is_test
            )
        context = self.admin_site.each_context(request) | {
            "title": f"{ACTS[verdict]}: {row}", "opts": self.opts, "row": row, "form": form,
            "letter": letter, "act": ACTS[verdict],
            "values": [(name, value) for name, value in request.POST.items()
                       if name in form.fields],
            "back": reverse("admin:accounts_rampuprequest_change", args=[row.pk]),
        }  # fmt: skip
        return TemplateResponse(request, "admin/volume/decide.html", context)

    @admin.action(description="Approve as asked, by the plan", permissions=["approve"])
    def approve_all(self, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse | None:
        """Approve usual requests at once, after a page that lists them."""
        rows = list(chosen.select_related("account"))
        usual = [row for row in rows if approval.may_be_approved_in_bulk(row)]
        if "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": "Approve these as asked?", "opts": self.opts, "rows": rows,
                "usual": usual, "action_name": "approve_all",
            }  # fmt: skip
            return TemplateResponse(request, "admin/volume/approve_all.html", context)
        assert isinstance(request.user, User)
        for row in usual:
            answer = approval.decide(row.pk, Ruling(Verdict.APPROVED, row.amount), request.user)
            if answer.is_done:
                self.log_change(request, row, answer.text)
            level = flash.SUCCESS if answer.is_done else flash.WARNING
            flash.add_message(request, level, answer.text)
        return None


ACTS = {
    Verdict.APPROVED: "Approve", Verdict.REJECTED: "Refuse", Verdict.ASKED: "Ask a question",
}  # fmt: skip


class RampUpDecisionAdmin(ReadOnlyAdmin):
    list_display = ("at", "request", "verdict", "amount", "who")
    list_filter = ("verdict",)
    list_select_related = ("request__account",)


class VolumeDayAdmin(ReadOnlyAdmin):
    list_display = ("day", "account", "used", "allowance", "decision", "reason")
    list_filter = ("decision",)
    list_select_related = ("account",)


class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "account", "kind", "subject", "due_at")
    list_filter = ("kind",)
    list_select_related = ("account",)
