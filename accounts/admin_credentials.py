"""Credentials in the admin: make, limit, rotate and revoke them; a secret is shown once."""

from typing import Any

from django.contrib import admin
from django.contrib import messages as flash
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator

from accounts import authentication, changes
from accounts.credential_forms import StaffCredentialForm
from accounts.models import Credential
from accounts.staff_pages import ConfirmedAdmin


class CredentialAdmin(ConfirmedAdmin):
    """All credentials without their secrets. One that was revoked stays as it is, for ever."""

    form = StaffCredentialForm
    secrets = ("secret_hash", "previous_secret_hash")
    changeable = ("name", "scopes", "domains", "is_test", "is_relay")
    raw_id_fields = ("account",)
    list_display = (
        "username", "name", "account", "scopes", "is_test", "last_used_at", "created_at",
        "revoked_at",
    )  # fmt: skip
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "is_test")
    list_select_related = ("account",)
    search_fields = ("username__startswith",)
    search_help_text = "Finds credentials by how their user name begins."

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.revoked_at is None) and super().has_change_permission(
            request, obj
        )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return super().get_fields(request, obj) if obj else ("account", *self.changeable)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return super().get_readonly_fields(request, obj) if obj else []

    def get_urls(self) -> list[URLPattern]:
        mine = [
            path(f"<int:pk>/{act}/", self.admin_site.admin_view(view), name=f"credential_{act}")
            for act, view in (("rotate", self.rotate_view), ("revoke", self.revoke_view))
        ]
        return mine + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a credential, and show its secret in the answer."""
        if request.method == "POST" and self.has_add_permission(request):
            form = self.get_form(request, None, change=False)(request.POST)
            if form.is_valid():
                with transaction.atomic():
                    credential, secret = authentication.create_credential(**form.cleaned_data)
                    self.log_addition(request, credential, "Made, and its secret shown")
                return self._secret_page(request, credential, secret)
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, (extra_context or {}) | buttons)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changes.announce(obj.account_id)

    @method_decorator(transaction.atomic)
    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a credential a new secret, after a question."""
        credential = self._live(request, pk)
        if request.method != "POST":
            title = f"Give {credential} a new secret?"
            return self.ask(
                request, credential, "Yes, make a new secret", title=title, act="rotate"
            )
        immediately = "immediately" in request.POST
        secret = authentication.rotate(credential, immediately=immediately)
        end = "at once" if immediately else "24 hours later"
        self.log_change(request, credential, f"A new secret; the old one ends {end}")
        return self._secret_page(request, credential, secret)

    @method_decorator(transaction.atomic)
    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke a credential, after a question."""
        credential = self._live(request, pk)
        if request.method != "POST":
            title = f"Revoke {credential} for ever?"
            return self.ask(request, credential, "Yes, revoke it", title=title, act="revoke")
        authentication.revoke(credential)
        self.log_change(request, credential, "Revoked")
        flash.success(request, f"{credential} is revoked, in all running servers too.")
        return HttpResponseRedirect(reverse("admin:accounts_credential_change", args=[pk]))

    def _live(self, request: HttpRequest, pk: int) -> Credential:
        """Return a credential to act on, which nobody else does meanwhile."""
        live = Credential.objects.select_for_update()
        credential = live.filter(pk=pk, revoked_at=None).first()
        if credential is None:
            raise Http404
        if not self.has_change_permission(request, credential):
            raise PermissionDenied
        return credential

    def _secret_page(
        self, request: HttpRequest, credential: Credential, secret: str
    ) -> TemplateResponse:
        context = self.admin_site.each_context(request) | {
            "title": f"The secret of {credential}", "row": credential, "opts": self.opts,
            "secret": secret,
        }  # fmt: skip
        return TemplateResponse(request, "admin/secret.html", context)
