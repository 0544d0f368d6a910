"""What stands around every page: the entries of the sidebar, the account, its health, the theme."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from accounts import looking
from accounts.allowance import usage
from accounts.models import Account
from accounts.views import THEMES, current_membership, memberships
from accounts.volume import Standing


@dataclass(frozen=True, slots=True)
class Chip:
    """A state at a glance: never by colour alone."""

    tone: str  # good, waiting, wrong or off: the colour
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the sidebar."""

    word: str
    icon: str
    url: str
    current: str = ""  # what aria-current says of it


@dataclass(frozen=True, slots=True)
class VolumeBar:
    """What was sent today, of what may be."""

    url: str
    allowance: int  # recipients
    used: int
    words: str


STANDINGS = {
    Standing.GOOD: Chip("good", "●", "in good standing"),
    Standing.NOTICE: Chip("waiting", "●", "notice"),
    Standing.WARNING: Chip("waiting", "●", "warning"),
    Standing.REVIEW: Chip("wrong", "●", "under review"),
    Standing.PAUSED: Chip("wrong", "●", "sending paused"),
}

# Word, icon, the name of the page's URL. Pages below it have names that begin with the same word:
# "domain-detail" belongs to "domain-list".
PAGES = (
    ("Overview", "speedometer2", "overview"),
    ("Messages", "envelope", "message-list"),
    ("Domains", "globe2", "domain-list"),
    ("Tags & analytics", "bar-chart", "analytics"),
    ("Suppressions", "slash-circle", "suppression-list"),
    ("Webhooks", "broadcast", "webhook-list"),
    ("SMTP & API keys", "key", "credential-list"),
    ("Volume", "graph-up-arrow", "volume"),
    ("Team", "people", "team"),
    ("Settings", "gear", "settings"),
)
# Where help is, below the pages.
HELP = (
    ("Documentation", "book", "docs"),
    ("Status", "hdd-network", "status"),
    ("Contact", "life-preserver", "contact"),
)


def frame(request: HttpRequest) -> dict[str, object]:
    """Give templates the frame; nothing is asked of the database before a page shows it."""
    theme = request.COOKIES.get("theme", "")
    return {
        "look": SimpleLazyObject(lambda: looking.current(request)),
        "theme": theme if theme in THEMES else "",
        "navigation": SimpleLazyObject(lambda: navigation(request)),
        "help": SimpleLazyObject(lambda: navigation(request, HELP)),
        "memberships": SimpleLazyObject(lambda: memberships(request)),
        "membership": SimpleLazyObject(lambda: current_membership(request)),
        "account": SimpleLazyObject(lambda: _account(request)),
        "health": SimpleLazyObject(lambda: health(_account(request))),
        "volume": SimpleLazyObject(lambda: volume_bar(_account(request))),
    }


def navigation(request: HttpRequest, pages: Sequence[tuple[str, str, str]] = PAGES) -> list[Entry]:
    """Return the pages that exist, and mark the one that is shown or that the shown lies under."""
    match = request.resolver_match
    here = match.url_name or "" if match else ""
    entries = []
    for word, icon, name in pages:
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        entries.append(Entry(word, icon, url, _current(here, name)))
    return entries


def _current(here: str, name: str) -> str:
    if here == name:
        return "page"
    return "true" if here.partition("-")[0] == name.partition("-")[0] else ""


def _account(request: HttpRequest) -> Account | None:
    membership = current_membership(request)
    return membership.account if membership else None


def health(account: Account | None) -> Chip | None:
    """Say in a word how an account stands."""
    if account is None:
        return None
    if account.suspended_for:
        return Chip("wrong", "●", "suspended")
    if account.is_test:
        return Chip("waiting", "●", "test mode")
    return STANDINGS[Standing(account.standing)]


def volume_bar(account: Account | None) -> VolumeBar | None:
    """Return today's volume of an account; None in test mode, where nothing counts."""
    if account is None or account.is_test:
        return None
    today = usage(account)
    return VolumeBar(
        reverse("volume"), today.allowance, min(today.used, today.allowance), str(today)
    )
