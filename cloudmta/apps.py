"""The roof as a Django app, so that its commands are found; and Django's admin with our pages."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class CloudMTAConfig(AppConfig):
    name = "cloudmta"


class HouseAdminConfig(admin.AdminConfig):
    default = False  # of this module; settings name it
    default_site = "cloudmta.staff.site.StaffSite"
