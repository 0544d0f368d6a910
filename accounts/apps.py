"""The app, and Django's admin with our door before it."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AccountsConfig(AppConfig):
    name = "accounts"


class HouseAdminConfig(admin.AdminConfig):
    default = False  # of this module; settings name it
    default_site = "accounts.admin_site.HouseAdminSite"
