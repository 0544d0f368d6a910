"""Confirmations, resets, invitations: can they be sent?"""

from collections.abc import Iterator
from email.utils import parseaddr

from django.conf import settings
from django.db import DatabaseError

from accounts.mail import NotSent
from cloudmta.doctor.finding import Finding, fine, wrong
from messages import own_mail


def look_at_own_mail() -> Iterator[Finding]:
    """Look whether some account has the domain under which the product itself writes."""
    try:
        own_mail.sender_under(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
    except NotSent as error:
        yield wrong(
            "Own mail",
            f"Nobody can confirm an address or be invited: {error}",
            "Set MAIL_FROM, and verify its domain in the account of the service.",
        )
    except DatabaseError:
        return  # what is wrong with the database is told already
    else:
        yield fine("Own mail", f"It is sent as {settings.DEFAULT_FROM_EMAIL}")
