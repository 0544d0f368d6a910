"""The roof as a Django app, so that its commands are found."""

from django.apps import AppConfig


class CloudMTAConfig(AppConfig):
    name = "cloudmta"
