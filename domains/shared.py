"""Let somebody without a log-in see the records of a domain: by a signed link, and by mail."""

from datetime import timedelta

from django.core import signing
from django.utils import timezone

from accounts import mail
from accounts.models import Account, AuditEntry
from domains.models import Domain
from domains.presentation import Shown

VALID_FOR = timedelta(days=30)
SALT = "domains.shared"
# Mails of an account to anybody in a day: this must not become a way to bother people.
A_DAY = 20
SENT = "sent the records to"


class TooMany(Exception):
    """The account has sent enough of these for a day; the text says so."""


def token(domain: Domain) -> str:
    """Return what the link carries: which domain, signed, with the time."""
    return signing.dumps(domain.public_id, salt=SALT)


def find(token: str) -> Domain | None:
    """Return the domain of a link; None: forged, too old, or the domain is gone."""
    try:
        public_id = signing.loads(token, salt=SALT, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    found = Domain.objects.filter(public_id=public_id, account__closed_at=None)
    return found.select_related("account").prefetch_related("signing_keys").first()


def send(account: Account, address: str, shown: Shown, sender: str, url: str) -> None:
    """Send the records of a domain to a colleague. Raises TooMany, NotSent."""
    since = timezone.now() - timedelta(days=1)
    sent = AuditEntry.objects.filter(account=account, verb=SENT, created_at__gt=since)
    if sent.count() >= A_DAY:
        raise TooMany(
            f"The records were sent {A_DAY} times within a day. Copy the link below, and send it "
            "by your own mail."
        )
    context = {"shown": shown, "sender": sender, "url": url, "days": VALID_FOR.days}
    mail.send(address, "domains/email/records", context)
