"""Accounts in the admin: each at a glance, and what staff may do about one."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from accounts import changes, looking, notices
from accounts.approval import STAFF
from accounts.frame import health
from accounts.models import MEBIBYTE, Account, AuditEntry
from accounts.staff_pages import ConfirmedAdmin
from accounts.volume import Notice, Standing, StandingChange
from events import admin_columns
from events.models import Kind

# States beside the rungs of the ladder: the word of the filter, and what it asks for.
OTHER_STATES: dict[str, tuple[str, dict[str, object]]] = {
    "frozen": ("frozen", {"suspended_for__gt": ""}),
    "test": ("test mode", {"is_test": True}),
    "closed": ("closed by its owner", {"closed_at__isnull": False}),
}


class AccountForm(ModelForm):
    """Limits of an account, within what the doors can bear."""

    max_message_size = forms.IntegerField(
        # A door keeps what comes in in memory.
        validators=[MinValueValidator(1024), MaxValueValidator(100 * MEBIBYTE)],
        help_text="Octets of a message as sent, 10485760 by default. A REST request has 24 MiB at"
        " most whatever stands here, and before the log-in EHLO says SIZE 10485760 to everybody:"
        " clients that go by it, such as Postfix and Nodemailer, send no more by SMTP.",
    )
    requests_per_second = forms.IntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="That the REST API takes, 10 by default; twice as many may come at once.",
    )
    messages_per_second = forms.IntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        required=False,
        help_text="That the SMTP door takes; empty: as many as come.",
    )
    suspended_for = forms.CharField(
        label="Frozen because",
        max_length=200,
        required=False,
        help_text="Why the account may not submit, in words that the customer is sent and shown;"
        " empty: it may. Mail that was accepted is held meanwhile, and lost by nothing.",
    )

    class Meta:
        labels = {"is_test": "Test mode"}
        help_texts = {
            "is_test": "All its mail is checked and simulated, and none is delivered.",
            "track_opens": "Where neither the domain nor the message says otherwise.",
            "track_clicks": "Where neither the domain nor the message says otherwise.",
        }

    def clean_suspended_for(self) -> str:
        text: str = self.cleaned_data["suspended_for"]
        if not text.isascii() or not text.isprintable():
            raise forms.ValidationError("This goes into SMTP replies: letters of ASCII alone.")
        return text


class StateFilter(SimpleListFilter):
    """By the rung of the ladder, and by what stops an account otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [(name, word) for name, (word, _) in OTHER_STATES.items()]
        return [(one.name.lower(), one.label) for one in Standing] + others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.value() or ""
        if asked in OTHER_STATES:
            return queryset.filter(**OTHER_STATES[asked][1])
        if asked.upper() in Standing.__members__:
            return queryset.filter(standing=Standing[asked.upper()])
        return queryset


class AccountAdmin(ConfirmedAdmin):
    """Accounts with their state, their volume and their rates; and what may be changed of one."""

    form = AccountForm
    changeable = (
        "suspended_for", "is_test", "max_message_size", "requests_per_second",
        "messages_per_second", "track_opens", "track_clicks",
    )  # fmt: skip
    list_display = (
        "name", "state", "volume", "days", "tried", "bounces", "complaints", "public_id",
    )  # fmt: skip
    list_filter = (StateFilter,)
    search_fields = ("public_id__startswith", "name__icontains")
    search_help_text = "Finds accounts by how their public id begins, or by words of their name."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super().get_queryset(request)
            .annotate(
                delivered=admin_columns.week(Kind.DELIVERY, "pk"),
                bounced=admin_columns.week(Kind.BOUNCE, "pk"),
                complained=admin_columns.week(Kind.COMPLAINT, "pk"),
                used=admin_columns.used_today(),
                rows=admin_columns.days(),
            )
        )  # fmt: skip

    @admin.display(description="state", ordering="standing")
    def state(self, row: Any) -> str:
        chip = health(row)
        if row.closed_at:
            return "closed"
        return chip.word if chip else ""

    @admin.display(description="used today")
    def volume(self, row: Any) -> str:
        return "nothing counts" if row.is_test else f"{row.used or 0:,} of {row.allowance:,}"

    @admin.display(description="tried, 7 days", ordering="delivered")
    def tried(self, row: Any) -> str:
        return f"{(row.delivered or 0) + (row.bounced or 0):,}"

    @admin.display(description="bounces")
    def bounces(self, row: Any) -> str:
        return admin_columns.percent(row.bounced, (row.delivered or 0) + (row.bounced or 0))

    @admin.display(description="complaints")
    def complaints(self, row: Any) -> str:
        return admin_columns.percent(row.complained, row.delivered)

    @admin.display(description="14 days")
    def days(self, row: Any) -> SafeString:
        return admin_columns.sparkline(row.rows)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Put what may be changed first, and the figures above the many plain facts."""
        glance = ("state", "volume", "tried", "bounces", "complaints", "days")
        facts = [name for name in self.get_fields(request, obj) if name not in self.changeable]
        return (
            ("At a glance", {"fields": (glance,)}),
            ("Stop it", {"fields": self.changeable[:2]}),
            ("Limits", {"fields": self.changeable[2:5]}),
            ("Tracking", {"fields": self.changeable[5:]}),
            ("All the rest", {"fields": facts, "classes": ("collapse",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        glance = ["state", "volume", "tried", "bounces", "complaints", "days"]
        return [*super().get_readonly_fields(request, obj), *glance]

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        AuditEntry.objects.create(
            account=obj, who=STAFF, verb="changed",
            thing=self.construct_change_message(request, form, None),
        )  # fmt: skip
        _tell(obj, form.changed_data)
        changes.announce(obj.pk)

    def get_urls(self) -> list[URLPattern]:
        look = self.admin_site.admin_view(self.look)
        return [path("<int:pk>/look/", look, name="accounts_account_look"), *super().get_urls()]

    def facts(self, request: HttpRequest, row: Account) -> dict[str, Any]:
        return {
            "may_look": request.user.has_perm(looking.PERMISSION),
            "step": _last_step(request, row),
            "belongings": _belongings(request, row),
        }

    def look(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Look at the account as its customer does, after a question."""
        if not request.user.has_perm(looking.PERMISSION):
            raise PermissionDenied
        account = Account.objects.filter(pk=pk, closed_at=None).first()
        if account is None:
            raise Http404
        if request.method != "POST":
            title = f"Look at {account} as its customer does?"
            return self.ask(request, account, "Yes, look at it", title=title, act="look")
        looking.begin(request, account)
        self.log_change(request, account, "Looked at it as its customer does")
        return redirect("/")


def _last_step(request: HttpRequest, account: Account) -> StandingChange | None:
    """Return the step whose page shows the evidence, where there is one and the user may see it."""
    if not request.user.has_perm("accounts.view_standingchange"):
        return None
    return account.standing_changes.order_by("-id").first()


def _belongings(request: HttpRequest, account: Account) -> list[tuple[str, str]]:
    """Return name and address of each list of what an account has, that the user may see."""
    return [
        (str(model._meta.verbose_name_plural), f"{reverse(name)}?account__id__exact={account.pk}")
        for model, own in admin.site._registry.items()
        if any(field.name == "account" for field in model._meta.concrete_fields)
        and own.has_view_permission(request)
        for name in [f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"]
    ]


def _tell(account: Account, changed: list[str]) -> None:
    """Tell the owners what stops their mail, or does so no more."""
    if "suspended_for" in changed:
        if account.suspended_for:
            subject, text = "Your account is frozen", (
                f"Our staff say: {account.suspended_for}\n\nNothing new is taken. Mail that was"
                " accepted is kept, and waits."
            )  # fmt: skip
        else:
            subject, text = (
                "Your account is free again",
                ("Mail is taken, and what was kept is sent."),
            )
        notices.tell(account, Notice.Kind.STAFF, subject, text)
    if "is_test" in changed:
        mode = "All mail is simulated, and none is delivered." if account.is_test else (
            "Mail is delivered from now on."
        )  # fmt: skip
        subject = f"Test mode is {'on' if account.is_test else 'off'}"
        notices.tell(account, Notice.Kind.STAFF, subject, f"Our staff have changed it. {mode}")
