"""Tell an account by e-mail that a webhook fails, or that it was given up.

What is to be told stands with the webhook until it was told, so a mail server that is away delays
a notice and loses none.
"""

import logging
from datetime import UTC, timedelta
from smtplib import SMTPException

from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import Membership
from events import patience, upkeep, webhooks
from events.models import Webhook, WebhookPost

logger = logging.getLogger(__name__)

# How long a notice that could not be sent waits for another try.
AGAIN = timedelta(minutes=5)
# Notices of one turn.
AT_ONCE = 100
SUBJECTS = {
    Webhook.Notice.FAILING: "A webhook fails",
    Webhook.Notice.DISABLED: "A webhook was disabled",
}
# Who may change webhooks is told.
ROLES = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.DEVELOPER)


def send_due() -> int:
    """Send the notices that are due; return how many were sent."""
    return sum(_send(webhook) for webhook in _claim())


def _claim() -> list[Webhook]:
    """Take due notices, so that nobody else sends them; each is due again unless it is sent."""
    now = timezone.now()
    with transaction.atomic():
        due = Webhook.objects.filter(notice_due_at__lte=now).exclude(notice="")
        claimed = list(
            due.select_for_update(skip_locked=True, of=("self",))
            .select_related("account")
            .order_by("notice_due_at")[:AT_ONCE]
        )
        Webhook.objects.filter(pk__in=[one.pk for one in claimed]).update(notice_due_at=now + AGAIN)
    return claimed


def _send(webhook: Webhook) -> bool:
    notice = Webhook.Notice(webhook.notice)
    to = Membership.objects.filter(account=webhook.account, role__in=ROLES, user__is_active=True)
    try:
        # One mail each: who belongs to an account is not told to mail servers in one breath.
        for address in to.values_list("user__email", flat=True):
            send_mail(SUBJECTS[notice], _text(webhook, notice), None, [address])
    except (OSError, SMTPException) as error:
        logger.warning("The notice of webhook %s could not be sent: %s", webhook.pk, error)
        return False
    # It may be another one by now, which is still to be told.
    Webhook.objects.filter(pk=webhook.pk, notice=notice).update(notice="", notice_due_at=None)
    return True


def _text(webhook: Webhook, notice: Webhook.Notice) -> str:
    last = WebhookPost.objects.filter(webhook=webhook).order_by("-id").first()
    since = webhook.failing_since or timezone.now()
    return render_to_string(
        f"events/webhook_{notice.value}.txt",
        {
            "account": webhook.account.name,
            "url": webhooks.shown(webhook.url),
            "failures": webhook.failures,
            "since": since.astimezone(UTC).strftime("%d %B %Y, %H:%M"),
            "error": last.error if last else "",
            "reason": webhook.disabled_for,
            "days": patience.GIVE_UP_AFTER.days,
            "kept": upkeep.KEPT_FOR.days,
        },
    )
