"""Pages of the admin for staff: everything to look at, little to change, and that after a question.

Whoever changes something sees the old and the new value first, and leaves a line in the history.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib import messages as flash
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet, TextChoices
from django.forms import BaseForm, ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator

# Rows of a big table that its list looks at: 200 pages, and 10 ms to filter or to count.
NEWEST = 10_000


class ReadOnlyAdmin(admin.ModelAdmin):
    """All fields of a model but its secrets, which are not even read."""

    secrets: tuple[str, ...] = ()

    ordering = ("-pk",)
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    actions: tuple[str, ...] | None = None

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).defer(*self.secrets)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Name each field, for by itself Django leaves out those that cannot be edited."""
        names = (field.name for field in self.opts.concrete_fields)
        return tuple(name for name in names if name not in self.secrets)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as Django does, but find nothing where it would fail: "abc" is no UUID."""
        try:
            return super().get_search_results(request, queryset, search_term)
        except (ValidationError, ValueError):
            return queryset.none(), False

    def facts(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what the page of a row shows beside its fields, for the template."""
        return {}

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        facts = {} if row is None else self.facts(request, row)
        return super().change_view(request, object_id, form_url, facts | (extra_context or {}))


class StateFilter(SimpleListFilter):
    """Shows what waits for staff, unless something else is asked for."""

    states: type[TextChoices]
    first: str  # the state that waits

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [(one.value, str(one.label)) for one in self.states if one != self.first]
        return [("all", "All"), *others]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": str(self.states(self.first).label).capitalize()}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or self.first)


class NewestChangeList(ChangeList):
    """A list of the newest rows, so that no filter, order or count ever reads a whole table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"The newest {NEWEST:,} {self.opts.verbose_name_plural}"

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        found = super().get_queryset(request, *args, **kwargs)
        if self.query:
            return found  # by key: one row, however old
        rows = self.root_queryset
        account = request.GET.get("account__id__exact", "")
        if account.isdecimal() and getattr(self.model_admin, "has_account_index", False):
            rows = rows.filter(account=account)  # others' rows never push these out
        keys = rows.order_by("-pk").values_list("pk", flat=True)
        oldest = keys[NEWEST - 1 : NEWEST].first()
        return found if oldest is None else found.filter(pk__gte=oldest)


class BigTableAdmin(ReadOnlyAdmin):
    """A table that grows with the mail: its list shows the newest rows, any other opens by key."""

    search_fields = ("pk__exact",)
    search_help_text = "Finds one by its whole id, however old."
    # Whether its rows of one account are found by an index, the newest first.
    has_account_index = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestChangeList


class ConfirmedAdmin(ReadOnlyAdmin):
    """A model of which staff may change a few fields, and nothing by one careless click."""

    changeable: tuple[str, ...] = ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.changeable]

    @method_decorator(transaction.atomic)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a change before it is made; the form comes again, with `confirmed`."""
        # Locked: of two who change it, the second sees what the first has done.
        row = self._locked(object_id) if request.method == "POST" else None
        if (
            request.method == "POST"
            and row is not None
            and self.has_change_permission(request, row)
        ):
            form = self.get_form(request, row, change=True)(request.POST, instance=row)
            if form.is_valid() and form.changed_data and not self._is_confirmed(request, form):
                seen = self.construct_change_message(request, form, None)
                facts = {"title": f"Change {row}?", "changes": changes_of(form), "seen": seen}
                return self.ask(request, row, "Yes, change this", **facts)
        return super().change_view(request, object_id, form_url, extra_context)

    def _locked(self, object_id: str) -> Model | None:
        """Return a row that nobody else changes before this transaction ends."""
        try:
            return self.model._default_manager.select_for_update().get(pk=unquote(object_id))
        except (self.model.DoesNotExist, ValidationError, ValueError):
            return None

    def _is_confirmed(self, request: HttpRequest, form: ModelForm) -> bool:
        """Whether somebody has said yes to just this, as it is still a change of."""
        if "confirmed" not in request.POST:
            return False
        now = self.construct_change_message(request, form, None)
        if request.POST.get("seen", now) == now:
            return True
        flash.warning(request, "Somebody has changed it meanwhile. Look at what yours does now.")
        return False

    def ask(self, request: HttpRequest, row: Model, yes: str, **facts: Any) -> TemplateResponse:
        """Return the page that asks whether to do what a form wants, with all its values."""
        values = [(name, one) for name, many in request.POST.lists() for one in many]
        ours = ("csrfmiddlewaretoken", "confirmed", "seen")
        values = [(name, one) for name, one in values if name not in ours]
        context = self.admin_site.each_context(request) | {
            "row": row, "opts": self.opts, "values": values, "yes": yes, **facts,
        }  # fmt: skip
        return TemplateResponse(request, "admin/confirm.html", context)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        """Write what was changed, and leave alone what others wrote meanwhile."""
        obj.save(update_fields=form.changed_data)

    def construct_change_message(
        self, request: HttpRequest, form: BaseForm, formsets: Any, add: bool = False
    ) -> Any:
        """Tell in the history what a change was, with the values."""
        return "; ".join(f"{one.label}: {one.old} → {one.new}" for one in changes_of(form))


@dataclass(frozen=True, slots=True)
class Change:
    """What a form does to one field, in words for people."""

    label: str
    old: str
    new: str


def changes_of(form: BaseForm) -> list[Change]:
    """Return what a valid form changes."""
    return [
        Change(
            str(form[name].label),
            _in_words(form.initial.get(name)),
            _in_words(form.cleaned_data[name]),
        )
        for name in form.changed_data
    ]


def _in_words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value)
