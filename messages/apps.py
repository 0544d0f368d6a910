from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "messages"
    # django.contrib.messages, which the admin needs, has the label "messages".
    label = "mail"
    verbose_name = "Mail"
