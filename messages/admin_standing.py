"""The ladder in the admin: which accounts wait for staff, why, and the way up or down by staff."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib import messages as flash
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import ladder
from accounts.models import Account, User
from accounts.staff_pages import ReadOnlyAdmin
from accounts.volume import Standing, StandingChange
from messages import evidence

ACTS = {Standing.GOOD: "Put back in good standing", Standing.PAUSED: "Pause"}
MAX_NOTE = 2_000


class NoteForm(forms.Form):
    """Why staff move an account."""

    note = forms.CharField(
        max_length=MAX_NOTE, widget=forms.Textarea(attrs={"rows": 5}), label="Why",
        help_text="The customer is sent this, and it stays in the history of the account.",
    )  # fmt: skip


class WaitingFilter(SimpleListFilter):
    """Shows the latest step of each account that waits for staff, unless all are asked for."""

    title = "what waits"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All steps")]

    def choices(self, changelist: Any) -> Any:
        waiting, *others = super().choices(changelist)
        return [{**waiting, "display": "Waits for a decision"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        waiting = Account.objects.filter(standing__in=ladder.BY_STAFF_ONLY)
        latest = waiting.annotate(latest=Max("standing_changes__id")).values("latest")
        return queryset.filter(pk__in=latest)


class StandingChangeAdmin(ReadOnlyAdmin):
    """Steps on the ladder; those that staff must decide about come first."""

    change_form_template = "admin/volume/standing.html"
    list_filter = (WaitingFilter,)
    list_select_related = ("account",)
    list_display = (
        "at", "account", "__str__", "measure", "count", "out_of", "who", "decide_by",
    )  # fmt: skip

    @admin.display(description="decide by")
    def decide_by(self, row: StandingChange) -> datetime | None:
        """Return until when the account was told that staff would look at it."""
        waits = row.account.standing in ladder.BY_STAFF_ONLY and row.after == row.account.standing
        return row.at + ladder.DECIDE_WITHIN if waits else None

    def may_move(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.approve_rampup")

    def get_urls(self) -> list[URLPattern]:
        move = self.admin_site.admin_view(self.move)
        return [
            path("<int:pk>/move/<int:standing>/", move, name="accounts_standingchange_move"),
            *super().get_urls(),
        ]

    def facts(self, request: HttpRequest, row: StandingChange) -> dict[str, Any]:
        return {
            "row": row,
            "evidence": evidence.gather(row.account),
            "acts": self._acts(request, row),
            "title": "Decide on an account",
        }

    def _acts(self, request: HttpRequest, row: StandingChange) -> list[tuple[str, str]]:
        """Return the word and the address of what may be done about the account now."""
        if not self.may_move(request):
            return []
        return [
            (word, reverse("admin:accounts_standingchange_move", args=[row.pk, standing.value]))
            for standing, word in ACTS.items()
            if standing != row.account.standing
        ]

    def move(self, request: HttpRequest, pk: int, standing: int) -> HttpResponse:
        """Ask why, and move the account when that is said."""
        row = StandingChange.objects.select_related("account").filter(pk=pk).first()
        if row is None or standing not in ACTS:
            raise Http404
        if not self.may_move(request):
            raise PermissionDenied
        form = NoteForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, row, ACTS[Standing(standing)], form)
        assert isinstance(request.user, User)
        note = form.cleaned_data["note"]
        if ladder.move_by_staff(row.account.pk, Standing(standing), request.user, note):
            self.log_change(request, row.account, f"{ACTS[Standing(standing)]}: {note}")
            flash.success(request, f"{row.account} stands at {Standing(standing).label} now.")
        else:
            flash.warning(request, f"Nothing was done: {row.account} stands there already.")
        return redirect("admin:accounts_standingchange_changelist")

    def _ask(
        self, request: HttpRequest, row: StandingChange, act: str, form: NoteForm
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": f"{act}: {row.account}", "opts": self.opts, "row": row, "form": form,
            "act": act,
            "back": reverse("admin:accounts_standingchange_change", args=[row.pk]),
        }  # fmt: skip
        return TemplateResponse(request, "admin/volume/move.html", context)
