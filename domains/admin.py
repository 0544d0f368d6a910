"""What staff sees of domains and their signing keys."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from domains.models import Domain, SigningKey


@admin.register(Domain)
class DomainAdmin(ReadOnlyAdmin):
    list_display = ("name", "account", "mta_label", "verified_at", "created_at")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("account",)
    search_fields = ("name__startswith",)
    search_help_text = "Finds domains by how their name begins."


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    secrets = ("encrypted_private_key",)
    list_display = ("selector", "domain", "algorithm", "state", "created_at")
    list_select_related = ("domain",)
