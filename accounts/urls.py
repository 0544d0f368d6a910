"""Where people log in and out, and choose what they look at."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from accounts.views import LogInForm, choose_theme, switch_account

urlpatterns = [
    path(
        "log-in/",
        LoginView.as_view(
            template_name="accounts/log_in.html",
            authentication_form=LogInForm,
            redirect_authenticated_user=True,
        ),
        name="log-in",
    ),
    path("log-out/", LogoutView.as_view(), name="log-out"),
    path("theme/", choose_theme, name="theme"),
    path("account/switch/", switch_account, name="account-switch"),
]
