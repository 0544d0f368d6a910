"""The page Tags & analytics: rates over time, by tag, class, domain and destination, and as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import account_required
from events import asked as asking
from events import figures, suppression_csv
from events.asked import FILTERS, PERIODS, Asked
from events.figures import CHARTS, Figures
from events.statistics import SHARES, Query

USUAL = "30d"
SHARE_WORDS = {
    "tag": "By tag",
    "class": "By class",
    "domain": "By sending domain",
    "destination": "By destination",
}
TITLES = {
    "volume": "Recipients by outcome",
    "problems": "What went wrong",
    "bounces": "Bounce rate",
    "complaints": "Complaint rate",
    "engagement": "Opens and clicks",
    "times": "Time to deliver",
}


@dataclass(frozen=True, slots=True)
class Link:
    """One of several ways to look at the same page."""

    word: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart, with where its numbers are as a file."""

    name: str
    title: str
    data: dict[str, object]
    csv_url: str


@require_safe
@account_required
def analytics(request: HttpRequest, account: Account) -> HttpResponse:
    """Show the figures of a period. The parameters: docs/analytics.md."""
    asked = asking.read(account, request.GET.dict(), USUAL)
    shown, share = Figures(asked), _share(request)
    context = {
        "problems": asked.problems,
        "periods": period_links(asked),
        "intervals": _intervals(asked),
        "chosen": _chosen(asked),
        "first_day": f"{asked.query.since:%Y-%m-%d}",
        "last_day": f"{max(asked.query.starts):%Y-%m-%d}",
        "hidden": {key: value for key, value in asked.parameters.items() if key in FILTERS},
        "tiles": shown.tiles(),
        "charts": [_chart(asked, shown, name) for name in _charts(asked)],
        "has_times": "times" in _charts(asked),
        "column": "Hour (UTC)" if asked.query.interval == "hour" else "Day (UTC)",
        "is_empty": shown.is_empty,
        "tabs": [
            Link(word, asked.address(by=name), name == share) for name, word in SHARE_WORDS.items()
        ],
        "share": share,
        "share_csv": _csv_url(asked, "shares", by=share),
        "rows": figures.shares(asked, share),
        "heads": figures.NAMES.values(),
        "is_of_all_mail": bool(asked.query.domain or asked.query.destination)
        or (share in ("domain", "destination") and not _is_all(asked.query)),
    }
    return render(request, "events/analytics.html", context)


def _share(request: HttpRequest) -> str:
    by = request.GET.get("by", "")
    return by if by in SHARES else SHARES[0]


def period_links(asked: Asked) -> list[Link]:
    """Return the periods that are offered; the one that is shown is marked."""
    return [
        Link(
            one.words,
            asked.address(period=name, since="", until="", interval=""),
            name == asked.period,
        )
        for name, one in PERIODS.items()
    ]


def _intervals(asked: Asked) -> list[Link]:
    shown = asked.query.interval
    return [
        Link(word, asked.address(interval=name), name == shown)
        for name, word in (("hour", "By hour"), ("day", "By day"))
        if name == shown
        or not (name == "hour" and asked.query.until - asked.query.since > asking.LONGEST_BY_HOUR)
    ]


def _chosen(asked: Asked) -> list[Link]:
    """Return the filters that are set, each with the page without it."""
    return [
        Link(f"{name}: {asked.parameters[name]}", asked.address(**{name: ""}), True)
        for name in FILTERS
        if name in asked.parameters
    ]


def _is_all(query: Query) -> bool:
    return not query.tag and query.message_class is None


def _charts(asked: Asked) -> list[str]:
    """Return the charts there are: times are kept by class, not by tag or domain."""
    query = asked.query
    is_narrow = query.tag or query.domain or query.destination
    return [name for name in CHARTS if name != "times" or not is_narrow]


def _chart(asked: Asked, shown: Figures, name: str) -> Chart:
    return Chart(f"chart-{name}", TITLES[name], shown.chart(name), _csv_url(asked, name))


def _csv_url(asked: Asked, name: str, **more: str) -> str:
    return reverse("analytics-csv", args=[name]) + asked.address(**more)


@require_safe
@account_required
def analytics_csv(request: HttpRequest, account: Account, name: str) -> HttpResponse:
    """Hand out the numbers of one chart, or those of the table below, as CSV."""
    asked = asking.read(account, request.GET.dict(), USUAL)
    if name == "shares":
        lines = _share_lines(asked, _share(request))
    elif name in _charts(asked):
        lines = _chart_lines(asked, name)
    else:
        raise Http404
    return HttpResponse(
        map(suppression_csv.line, lines),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _chart_lines(asked: Asked, name: str) -> Iterator[list[str]]:
    data = Figures(asked).chart(name)
    unit = str(data.get("unit", "")).strip()
    series = data["series"]
    yield ["Start", *(f"{one['name']} ({unit})" if unit else one["name"] for one in series)]
    values = zip(*(one["values"] for one in series), strict=True)
    for start, row in zip(asked.query.starts, values, strict=True):
        yield [start.isoformat(), *("" if value is None else str(value) for value in row)]


def _share_lines(asked: Asked, share: str) -> Iterator[list[str]]:
    yield [share.capitalize(), *figures.NAMES.values()]
    for row in figures.shares(asked, share):
        yield [row.name or "others", *(str(cell.count) for cell in row.cells)]
