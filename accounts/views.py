"""Who looks at a page, and for which account; every page of an account comes through here."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Account, User

Rest = ParamSpec("Rest")
AccountView = Callable[Concatenate[HttpRequest, Account, Rest], HttpResponse]
View = Callable[Concatenate[HttpRequest, Rest], HttpResponse]


def account_required(view: AccountView[Rest]) -> View[Rest]:
    """Hand a view the account that the user looks at; who is logged out goes to the log-in."""

    @wraps(view)
    def with_account(
        request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs
    ) -> HttpResponse:
        assert isinstance(request.user, User)
        account = current_account(request.user)
        if account is None:
            return render(request, "accounts/no_account.html", status=403)
        return view(request, account, *args, **kwargs)

    return login_required(with_account)


def current_account(user: User) -> Account | None:
    """Return the account of the user's oldest membership, None where there is none."""
    return user.accounts.order_by("membership__id").first()


class LogInForm(AuthenticationForm):
    """Ask for an e-mail address, in whatever case it comes, and a password."""

    username = forms.EmailField(
        label="E-mail address",
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    error_messages = {
        "invalid_login": "No user has this address and password. Check both, and try again.",
        "inactive": "This user is switched off. Ask whoever runs this service.",
    }

    def clean_username(self) -> str:
        # Users are kept in lower case.
        return self.cleaned_data["username"].lower()
