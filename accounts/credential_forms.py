"""Forms that say what a credential may do: of its account's members, and of staff."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.forms import ModelForm

from accounts.domain_names import to_a_label
from accounts.models import Account, Credential, Scope, usual_scopes

SCOPES = [
    (scope.value, f"{scope.value}: {meaning}")
    for scope, meaning in (
        (Scope.SEND, "submit messages, by SMTP and REST, and cancel them"),
        (Scope.READ, "look at messages, events, suppressions, domains, statistics"),
        (Scope.ADMIN, "change domains, suppressions, webhooks, credentials"),
    )
]
HELP = {
    "is_test": "Whatever it submits is checked and simulated, never delivered.",
    "is_relay": "For a mail server that splits long lists of recipients by itself.",
}


class StaffCredentialForm(ModelForm):
    """What a credential may do, in the admin."""

    scopes = forms.MultipleChoiceField(choices=SCOPES, widget=forms.CheckboxSelectMultiple)

    class Meta:
        help_texts = HELP | {
            "domains": "Separated by commas: the only verified domains that it may send under."
            " Empty: all of the account.",
        }

    def clean_scopes(self) -> list[str]:
        return sorted(self.cleaned_data["scopes"])

    def clean_domains(self) -> list[str]:
        try:
            return sorted({to_a_label(name) for name in self.cleaned_data["domains"] or []})
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class CredentialForm(ModelForm):
    """What a credential may do, for those who administer its account."""

    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=SCOPES,
        initial=usual_scopes,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    domains = forms.MultipleChoiceField(
        label="Only under these domains",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: it may send under all verified domains of the account.",
    )

    class Meta:
        model = Credential
        fields = ["name", "scopes", "domains", "is_test", "is_relay"]
        labels = {"name": "Name", "is_test": "Test mode", "is_relay": "Relay mode"}
        help_texts = HELP | {"name": "Of the application that will use it, such as “Web shop”."}

    def __init__(self, account: Account, names: Iterable[str], *args: Any, **kwargs: Any) -> None:
        """`names` are the domains of the account; those it is bound to already stay to choose."""
        super().__init__(*args, **kwargs)
        self.account = account
        choices = sorted({*names, *self.instance.domains})
        domains = self.fields["domains"]
        assert isinstance(domains, forms.MultipleChoiceField)
        domains.choices = [(name, name) for name in choices]
        if not choices:
            del self.fields["domains"]

    def clean_name(self) -> str:
        # Two of one name could not be told apart; and a form that is sent twice makes one.
        name: str = self.cleaned_data["name"]
        others = self.account.credentials.filter(name=name, revoked_at=None)
        if others.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("A credential of this name is there already.")
        return name

    def clean_scopes(self) -> list[str]:
        return sorted(self.cleaned_data["scopes"])
