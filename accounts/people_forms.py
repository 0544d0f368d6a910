"""The forms by which users come and prove who they are: allauth's, in the words of our pages."""

from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from django import forms
from django.http import HttpRequest

from accounts import invitations, team
from accounts.models import User

LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "oldpassword": "Your password now",
    "password1": "Password",
    "password2": "The same again",
    "code": "Code",
}
PASSWORD_HELP = "8 characters or more; no common password, not only digits, not like your address."


class OurWords(forms.Form):
    """Labels stand above fields and nothing stands in them; links stand below the form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name.endswith(("password", "password1", "password2")):
                field.help_text = PASSWORD_HELP if name == "password1" else ""


class LogInForm(OurWords, account.LoginForm):
    """Ask for an e-mail address, in whatever case it comes, and a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autofocus"] = True

    def clean_login(self) -> str:
        # Users are kept in lower case.
        return str(super().clean_login()).lower()


class SignUpForm(OurWords, account.SignupForm):
    """Ask for an address, a password, and a name for the account, unless somebody was invited."""

    account_name = forms.CharField(
        label="Name of the account",
        max_length=100,
        help_text="Your company or product. Others can join it later.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if invitations.stashed(context.request):
            del self.fields["account_name"]

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        if name := self.cleaned_data.get("account_name"):
            team.create_account(user, name)


class ResetForm(OurWords, account.ResetPasswordForm):
    pass


class NewPasswordForm(OurWords, account.ResetPasswordKeyForm):
    pass


class ChangePasswordForm(OurWords, account.ChangePasswordForm):
    pass


class EmailForm(OurWords, account.AddEmailForm):
    pass


class PasswordAgainForm(OurWords, account.ReauthenticateForm):
    pass


class CodeForm(OurWords, mfa.AuthenticateForm):
    pass


class CodeAgainForm(OurWords, mfa.ReauthenticateForm):
    pass


class FirstCodeForm(OurWords, totp.ActivateTOTPForm):
    pass
