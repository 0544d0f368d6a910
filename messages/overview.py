"""The page Overview: is all set up, how does mail fare, and what went wrong last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.frame import Chip
from accounts.models import Account
from accounts.views import account_required
from domains.models import Domain
from events import asked as asking
from events import reason_words, statistics
from events.analytics_page import Link, period_links
from events.asked import Asked
from events.figures import Figures
from events.identifiers import first_id_at
from events.models import Event, Kind, Tally, WebhookPost
from events.reasons import Reason
from messages.connecting import access, snippets
from messages.models import Message
from messages.templatetags.wording import EVENTS

TILES = (
    Tally.ACCEPTED, Kind.DELIVERY, Kind.BOUNCE, Kind.COMPLAINT, Kind.BLOCKED, Tally.UNIQUE_OPEN,
    Tally.UNIQUE_CLICK,
)  # fmt: skip
OFFERED = ("24h", "7d", "30d")
MAX_PILLS, MAX_PROBLEMS = 12, 5
PROBLEMS_OF = timedelta(days=30)
# The same words that the database has an index of.
TROUBLE = ("bounce", "blocked", "complaint")
UNKNOWN = reason_words.SENTENCES[Reason.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a new account has to do."""

    is_done: bool
    what: str
    why: str
    url: str  # "": there is no page for it
    command: str = ""  # to paste


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong."""

    when: datetime
    chip: Chip
    what: str  # whom or what it happened to
    why: str
    said: str  # the other side's own words
    url: str


@require_safe
@account_required
def overview(request: HttpRequest, account: Account) -> HttpResponse:
    """Show how an account does."""
    asked = asking.read(account, request.GET.dict())
    shown, steps = Figures(asked), _steps(request, account)
    done = sum(step.is_done for step in steps)
    context = {
        "warnings": asked.problems,
        "steps": steps if done < len(steps) else [],
        "done": done,
        "periods": [one for one in period_links(asked) if one.word in _offered()],
        "pills": _pills(asked),
        "tiles": shown.tiles(TILES),
        "chart": shown.chart("volume"),
        "csv_url": reverse("analytics-csv", args=["volume"]) + asked.address(period=asked.period),
        "more_url": reverse("analytics") + asked.address(period=asked.period),
        "column": "Hour (UTC)" if asked.query.interval == "hour" else "Day (UTC)",
        "is_empty": shown.is_empty,
        "problems": _problems(account),
    }
    return render(request, "messages/overview.html", context)


def _offered() -> list[str]:
    return [asking.PERIODS[name].words for name in OFFERED]


def _steps(request: HttpRequest, account: Account) -> list[Step]:
    """Return what makes an account ready; each ticks itself."""
    # By the index: where one account has most of the mail, EXISTS would be read from the table.
    has_sent = (
        Message.objects.filter(account=account).order_by("-id").only("pk").first() is not None
    )
    command = "" if has_sent else snippets.first_command(access.usual(request, account))
    return [
        Step(
            Domain.objects.filter(account=account, verified_at__isnull=False).exists(),
            "Verify a domain", "Two DNS records show that its mail is yours.", _page("domain-list"),
        ),
        Step(
            account.credentials.filter(revoked_at=None).exists(),
            "Make a credential", "A user name and a secret for your application.",
            _page("credential-list"),
        ),
        Step(
            has_sent, "Send a first message", "By SMTP or REST. For instance with swaks:",
            _page("credential-list"), command,
        ),
        Step(
            account.webhooks.exists(),
            "Add a webhook", "So your application learns of bounces and complaints.",
            _page("webhook-list"),
        ),
        Step(
            _has_tags(account),
            "Tag your mail", "So you see here how each kind of it fares:", _page("analytics"),
            "x-cloudmta-tags: order, receipt",
        ),
    ]  # fmt: skip


def _page(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _has_tags(account: Account) -> bool:
    """Whether any of the newest messages bears a tag: tests are in no tally."""
    newest = Message.objects.filter(account=account).order_by("-id")
    return any(newest.values_list("tags", flat=True)[:100])


def _pills(asked: Asked) -> list[tuple[Link, int]]:
    """Return the tags of the period with their recipients, each as a filter."""
    counted = statistics.by_share(asked.query, "tag")
    return [
        (
            Link(tag, asked.address(tag="" if tag == asked.query.tag else tag),
                 tag == asked.query.tag),
            counts[Tally.ACCEPTED],
        )
        for tag, counts in islice(counted.items(), MAX_PILLS)
    ]  # fmt: skip


def _problems(account: Account) -> list[Problem]:
    """Return the latest things that went wrong, newest first."""
    since = first_id_at(timezone.now() - PROBLEMS_OF)
    found = [*_of_events(account, since), *_of_webhooks(account, since)]
    return sorted(found, key=lambda one: one.when, reverse=True)[:MAX_PROBLEMS]


def _of_events(account: Account, since: object) -> Iterator[Problem]:
    events = Event.objects.filter(account=account, id__gte=since, kind__in=TROUBLE)
    for event in events.order_by("-id")[:MAX_PROBLEMS]:
        details = event.details
        yield Problem(
            when=event.timestamp,
            chip=EVENTS[Kind(event.kind)],
            what=event.recipient,
            why=reason_words.sentence(str(details.get("reason"))) or UNKNOWN,
            said=str(details.get("smtp_response") or ""),
            url=reverse("message-detail", args=[event.message_id]),
        )


def _of_webhooks(account: Account, since: object) -> Iterator[Problem]:
    known = list(account.webhooks.all())
    for webhook in known:
        # One row each: a broken endpoint must not push everything else off the page.
        failed = WebhookPost.objects.filter(webhook=webhook, id__gte=since).exclude(error="")
        post = failed.order_by("-id").first()
        if post is None:
            continue
        is_down = webhook.failing_since or not webhook.is_enabled
        why = webhook.disabled_for or (
            "Posts to it fail; we go on trying."
            if is_down
            else "A post to it failed; it works again."
        )
        yield Problem(
            when=post.started_at,
            chip=Chip("wrong" if is_down else "waiting", "✕", "webhook"),
            what=post.url,
            why=why,
            said=post.error,
            url=_page("webhook-list"),
        )
