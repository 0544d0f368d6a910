"""Who works in the account of a made-up month: members, credentials, what they did and asked."""

from datetime import datetime, timedelta

from accounts import authentication, invitations
from accounts.models import (
    Account,
    AuditEntry,
    Credential,
    Invitation,
    Membership,
    Thread,
    ThreadEntry,
    User,
)
from accounts.volume import RampUpRequest
from cloudmta.demo import EMAIL

Role = Membership.Role
# The simulator takes their mail, and none of them can log in.
COLLEAGUES = {
    "maria@cloudmta.test": Role.ADMIN,
    "jun@cloudmta.test": Role.DEVELOPER,
    "support@cloudmta.test": Role.VIEWER,
}
INVITED = "wanda@cloudmta.test"
OFFICE, STAFF = "192.0.2.200", "staff@cloudmta.test"
STAGING = "Staging"
# Days ago, who, what, which thing. `{0}` is the account's domain.
HISTORY = (
    (29, EMAIL, "created the account", "Demo"),
    (29, EMAIL, "added the domain", "{0}"),
    (28, EMAIL, "invited as admin", "maria@cloudmta.test"),
    (28, "maria@cloudmta.test", "joined", ""),
    (27, "maria@cloudmta.test", "added the domain", "news.{0}"),
    (27, "maria@cloudmta.test", "invited as developer", "jun@cloudmta.test"),
    (26, "jun@cloudmta.test", "joined", ""),
    (26, "jun@cloudmta.test", "added the webhook", "https://shop.example/hooks/mail"),
    (16, EMAIL, "imported", "9 suppressions"),
    (15, "maria@cloudmta.test", "changed settings:", "Notice when a message is opened"),
    (9, "jun@cloudmta.test", "replayed 212 events to the webhook", "https://shop.example/hooks/crm"),
    (6, "maria@cloudmta.test", "created the credential", STAGING),
    (2, "jun@cloudmta.test", "took off the suppression list", "ada.berg1@webmail.example"),
    (1, EMAIL, "invited as viewer", INVITED),
)  # fmt: skip
# Days ago, whether staff wrote it, what.
ANSWERED = "How long do you keep what our messages hold?"
ENTRIES = (
    (12, False, "Our lawyers ask: where is it set how long the content of a message is kept, and"
        " can we keep it for a week only?"),
    (11, True, "Under Settings, “Days that contents are kept”. What you set there holds for"
        " messages that are there already as well: housekeeping takes older ones away in minutes."),
)  # fmt: skip
WAITING = "One provider defers many of our messages"
QUESTION = (
    "Since this morning freemail.example answers 451 to about one message in ten. They arrive in"
    " the end, but sign-in codes come too late. Can you see what it is about?"
)
PURPOSE = (
    "Order confirmations, invoices and shipping notices of our shop. In December we sell more."
)
SOURCES = "Customers who bought something; each has confirmed the address with a link."


def people(account: Account, credential: Credential, domain: str, now: datetime) -> None:
    """Give the account its members, one who is invited, credentials in use, and a history."""
    account.track_opens = account.track_clicks = True
    account.save(update_fields=["track_opens", "track_clicks"])
    for address, role in COLLEAGUES.items():
        user, _ = User.objects.get_or_create(
            email=address, defaults={"last_login": now - timedelta(hours=len(address))}
        )
        Membership.objects.get_or_create(user=user, account=account, defaults={"role": role})
    Invitation.objects.create(
        account=account, email=INVITED, role=Role.VIEWER,
        expires_at=now - timedelta(days=1) + invitations.VALID_FOR,
    )  # fmt: skip
    staging, _ = authentication.create_credential(account, STAGING, is_test=True)
    for used, ago, name in ((credential, timedelta(), "web1"), (staging, timedelta(hours=3), "ci")):
        used.last_used_at = now - ago
        used.last_used_from, used.last_used_by = OFFICE, f"{name}.shop.example"
        used.save(update_fields=["last_used_at", "last_used_from", "last_used_by"])
    AuditEntry.objects.bulk_create(
        AuditEntry(
            account=account, who=who, verb=verb, thing=thing.format(domain), address=OFFICE,
            created_at=now - timedelta(days=days, minutes=7 * place % 60),
        )
        for place, (days, who, verb, thing) in enumerate(HISTORY)
    )  # fmt: skip


def questions(account: Account, now: datetime) -> None:
    """Let the account ask staff for more volume, and about this and that."""
    RampUpRequest.objects.create(
        account=account, asked_by=EMAIL, asked_at=now - timedelta(hours=20),
        amount=account.ceiling * 4, before=account.ceiling, purpose=PURPOSE, sources=SOURCES,
    )  # fmt: skip
    asked, waits_since = now - timedelta(days=ENTRIES[0][0]), now - timedelta(hours=2)
    answered = Thread.objects.create(
        account=account, subject=ANSWERED, state=Thread.State.ANSWERED, created_at=asked,
        last_at=now - timedelta(days=ENTRIES[-1][0]),
    )  # fmt: skip
    waiting = Thread.objects.create(
        account=account, subject=WAITING, created_at=waits_since, last_at=waits_since
    )
    ThreadEntry.objects.bulk_create([
        *(
            ThreadEntry(
                thread=answered, who=STAFF if is_staff else EMAIL, is_staff=is_staff, text=text,
                created_at=now - timedelta(days=days),
            )
            for days, is_staff, text in ENTRIES
        ),
        ThreadEntry(thread=waiting, who=EMAIL, text=QUESTION, created_at=waits_since),
    ])  # fmt: skip
