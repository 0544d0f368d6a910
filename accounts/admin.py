"""What staff sees: every model as it stands in the database, to look at and never to change."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.models import Account, Credential, Membership, User

admin.site.site_header = admin.site.site_title = "CloudMTA"
admin.site.index_title = "Administration"

# Rows of a big table that its list looks at: 200 pages, and 10 ms to filter or to count.
NEWEST = 10_000


class ReadOnlyAdmin(admin.ModelAdmin):
    """All fields of a model but its secrets, which are not even read."""

    secrets: tuple[str, ...] = ()

    ordering = ("-pk",)
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    actions = None

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


class NewestChangeList(ChangeList):
    """A list of the newest rows, so that no filter, order or count ever reads a whole table."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"The newest {NEWEST:,} {self.opts.verbose_name_plural}"

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        found = super().get_queryset(request, *args, **kwargs)
        if self.query:
            return found  # by key: one row, however old
        keys = self.root_queryset.order_by("-pk").values_list("pk", flat=True)
        oldest = keys[NEWEST - 1 : NEWEST].first()
        return found if oldest is None else found.filter(pk__gte=oldest)


class BigTableAdmin(ReadOnlyAdmin):
    """A table that grows with the mail: its list shows the newest rows, any other opens by key."""

    search_fields = ("pk__exact",)
    search_help_text = "Finds one by its whole id, however old."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestChangeList


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    secrets = ("password",)
    list_display = ("email", "is_active", "is_staff", "is_superuser", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email__startswith",)
    search_help_text = "Finds users by how their address begins."


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "public_id", "max_message_size", "created_at")
    search_fields = ("public_id__startswith",)
    search_help_text = "Finds accounts by how their public id begins."


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "account", "role")
    list_display_links = ("user",)
    list_filter = ("role",)
    list_select_related = ("user", "account")


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    secrets = ("secret_hash",)
    list_display = ("username", "name", "account", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("account",)
    search_fields = ("username__startswith",)
    search_help_text = "Finds credentials by how their user name begins."
