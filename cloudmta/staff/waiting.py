"""What waits for staff, each matter for those who may see it; what does not wait is not there."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import redis
from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from accounts import ladder
from accounts.message_class import MessageClass
from accounts.models import Account, Thread, User
from accounts.volume import RampUpRequest
from cloudmta import presence
from cloudmta.doctor import services
from cloudmta.doctor.services import PATIENCE, oldest_due
from events.models import Webhook
from messages.models import IncomingReport

# Requests that wait longer are late, as accounts are after the time that they were told.
ANSWER_WITHIN = ladder.DECIDE_WITHIN
RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for a look of somebody."""

    subject: str
    amount: str  # how many
    text: str  # since when, or until when
    url: str
    is_late: bool = False


def matters(user: User) -> list[Matter]:
    """Return what waits and the user may see, what is late before all else."""
    found = [matter for permission, look in LOOKS if user.has_perm(permission) for matter in look()]
    return sorted(found, key=lambda matter: not matter.is_late)


def _requests() -> Iterator[Matter]:
    """Requests for more volume; those that staff have asked about wait for the customer."""
    pending = RampUpRequest.objects.filter(state=RampUpRequest.State.PENDING)
    asked = pending.exclude(question="").filter(answer="").count()
    sums = pending.aggregate(count=Count("id"), oldest=Min("asked_at"))
    if sums["count"]:
        text = f"the oldest for {timesince(sums['oldest'], depth=1)}"
        if asked:
            text += f"; {asked} of them have a question to answer first"
        is_late = sums["oldest"] < timezone.now() - ANSWER_WITHIN and asked < sums["count"]
        url = reverse("admin:accounts_rampuprequest_changelist")
        yield Matter("Requests for more volume", f"{sums['count']:,}", text, url, is_late)


def _accounts() -> Iterator[Matter]:
    """Accounts that stand where staff alone bring them down."""
    waiting = Account.objects.filter(standing__in=ladder.BY_STAFF_ONLY, closed_at=None)
    steps = waiting.annotate(step=Max("standing_changes__at")).values_list("step", flat=True)
    # An account and its step are written together, so each has one.
    if since := sorted(filter(None, steps)):
        decide_by = since[0] + ladder.DECIDE_WITHIN
        is_late = decide_by < timezone.now()
        when = f"{timesince(decide_by, depth=1)} ago"
        if not is_late:
            when = f"in {timeuntil(decide_by, depth=1)}"
        url = reverse("admin:accounts_standingchange_changelist")
        text = f"the first is due {when}"
        yield Matter("Accounts under review or paused", f"{len(since):,}", text, url, is_late)


def _questions() -> Iterator[Matter]:
    """Threads in which a customer has the last word."""
    waiting = Thread.objects.filter(state=Thread.State.WAITING)
    sums = waiting.aggregate(count=Count("id"), oldest=Min("last_at"))
    if sums["count"]:
        text = f"the oldest for {timesince(sums['oldest'], depth=1)}"
        is_late = sums["oldest"] < timezone.now() - ANSWER_WITHIN
        url = reverse("admin:accounts_thread_changelist")
        yield Matter("Questions of customers", f"{sums['count']:,}", text, url, is_late)


def _webhooks() -> Iterator[Matter]:
    """Webhooks whose endpoints fail, and are left alone for a while."""
    open_breakers = Webhook.objects.filter(is_enabled=True, paused_until__gt=timezone.now())
    sums = open_breakers.aggregate(count=Count("id"), oldest=Min("failing_since"))
    if sums["count"]:
        text = f"the first fails for {timesince(sums['oldest'], depth=1)}" if sums["oldest"] else ""
        url = reverse("admin:events_webhook_changelist") + "?breaker=open"
        yield Matter("Webhooks with an open breaker", f"{sums['count']:,}", text, url)


def _reports() -> Iterator[Matter]:
    """What came back in the last days and could not be read."""
    unclassified = IncomingReport.objects.filter(
        state=IncomingReport.State.UNCLASSIFIED, received_at__gt=timezone.now() - RECENT
    )
    if count := unclassified.count():
        url = reverse("admin:mail_incomingreport_changelist") + "?state__exact=unclassified"
        yield Matter("Unclassified reports", f"{count:,}", "in seven days", url)


def _queues() -> Iterator[Matter]:
    """Mail that is due and that nobody fetches."""
    for message_class in MessageClass:
        minutes = oldest_due(message_class)
        if minutes > PATIENCE[message_class]:
            yield Matter(
                f"Mail of the class {message_class.label}",
                f"{minutes:.0f} min",
                "due, and nobody has fetched it",
                reverse("admin:state"),
                is_late=True,
            )


def _processes() -> Iterator[Matter]:
    """Processes without which something stands still."""
    url = reverse("admin:state")
    try:
        gone = missing(presence.present())
    except redis.RedisError:
        text = "no process can tell that it lives"
        yield Matter("Redis", "away", text, url, is_late=True)
        return
    if gone:
        names = ", ".join(gone)
        yield Matter("Processes that do not run", f"{len(gone)}", names, url, is_late=True)


def missing(processes: Iterable[presence.Process]) -> dict[str, str]:
    """Return the roles that nobody has, and what to do about each."""
    roles = {process.role for process in processes}
    return {role: advice for role, advice in services.NEEDED.items() if role not in roles}


# What takes which permission to see.
LOOKS: tuple[tuple[str, Callable[[], Iterator[Matter]]], ...] = (
    ("accounts.view_rampuprequest", _requests),
    ("accounts.view_standingchange", _accounts),
    ("accounts.view_thread", _questions),
    ("events.view_webhook", _webhooks),
    ("mail.view_incomingreport", _reports),
    ("mail.view_recipient", _queues),
    ("mail.view_recipient", _processes),
)
