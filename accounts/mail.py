"""Write to people: confirmations, invitations, notices. Who carries it is Django's mail backend."""

from collections.abc import Mapping
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.template.loader import render_to_string


class NotSent(SMTPException):
    """A message of ours was not taken; the text is a sentence for whoever waits for it.

    A kind of what callers of Django's mail expect, though no SMTP comes into it.
    """


def send(address: str, template: str, context: Mapping[str, object]) -> None:
    """Send `TEMPLATE_subject.txt` and `TEMPLATE_message.txt` to one person. Raises NotSent."""
    subject = " ".join(render_to_string(f"{template}_subject.txt", dict(context)).split())
    text = render_to_string(f"{template}_message.txt", dict(context))
    EmailMessage(subject, text, to=[address]).send()
