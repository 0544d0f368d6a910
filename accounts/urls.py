"""Where people log in, sign up and look after themselves, and who is in an account."""

from allauth.account import views as allauth_views
from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path

from accounts import contact_pages, invitation_pages, looking, settings_pages, team_pages
from accounts.views import choose_theme, switch_account

log_in = allauth_views.login
log_out = LogoutView.as_view()

urlpatterns = [
    # Two names each: ours, and the one by which allauth looks for it.
    path("log-in/", log_in, name="account_login"),
    path("log-in/", log_in, name="log-in"),
    path("log-out/", log_out, name="account_logout"),
    path("log-out/", log_out, name="log-out"),
    path("sign-up/", allauth_views.signup, name="account_signup"),
    path("switched-off/", allauth_views.account_inactive, name="account_inactive"),
    path("confirm/", allauth_views.email_verification_sent, name="account_email_verification_sent"),
    path("confirm/<str:key>/", allauth_views.confirm_email, name="account_confirm_email"),
    path("password/reset/", allauth_views.password_reset, name="account_reset_password"),
    path(
        "password/reset/sent/",
        allauth_views.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        allauth_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        allauth_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("is-it-you/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("you/email/", allauth_views.email, name="account_email"),
    path("you/password/", allauth_views.password_change, name="account_change_password"),
    path("you/two-factor/", include("allauth.mfa.urls")),
    path("you/sessions/", include("allauth.usersessions.urls")),
    path("theme/", choose_theme, name="theme"),
    path("account/switch/", switch_account, name="account-switch"),
    path("account/new/", team_pages.account_new, name="account-new"),
    path("look/end/", looking.end, name="look-end"),
    path("team/", team_pages.team, name="team"),
    path("team/history/", team_pages.history, name="team-history"),
    path("team/invite/", invitation_pages.invite, name="team-invite"),
    path("team/invitations/<int:number>/revoke/", invitation_pages.revoke, name="team-revoke"),
    path("team/members/<int:number>/role/", team_pages.change_role, name="team-role"),
    path("team/members/<int:number>/remove/", team_pages.remove, name="team-remove"),
    path("settings/", settings_pages.settings, name="settings"),
    path("settings/delete/", settings_pages.delete, name="settings-delete"),
    path("contact/", contact_pages.contact_page, name="contact"),
    path("contact/<int:number>/", contact_pages.contact_thread, name="contact-thread"),
    path("you/time-zone/", settings_pages.choose_time_zone, name="time-zone"),
    path("invitation/<str:token>/", invitation_pages.answer, name="invitation"),
]
