"""The three message classes, and which goes first: a smaller value overtakes a greater one."""

from django.db import models


class MessageClass(models.IntegerChoices):
    """How urgent a message is, in the words of the header `x-cloudmta-class`."""

    PRIORITY = 0, "priority"  # somebody waits for it now: a password reset, a log-in code
    STANDARD = 1, "standard"  # the default
    DIGEST = 2, "digest"  # may wait: notifications, summaries


BY_NAME = {message_class.label: message_class for message_class in MessageClass}
