"""Columns of the admin's lists that count an account's mail, without a query for each row."""

from datetime import timedelta

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.allowance import today
from accounts.ladder import WINDOW
from accounts.volume import VolumeDay
from events.models import Tally

# Days of the small chart in a row, and its size in the units of its SVG.
SPARK_DAYS = 14
SPARK_WIDTH, SPARK_HEIGHT = 104, 20


def week(kind: str, account: str = "account") -> Subquery:
    """Return a column: how many of a kind the account of a row had in seven days."""
    counted = Tally.objects.filter(
        account=OuterRef(account), tag="", kind=kind,
        hour__gte=(timezone.now() - WINDOW).replace(minute=0, second=0, microsecond=0),
    ).order_by()  # fmt: skip
    return Subquery(counted.values("account").annotate(sum=Sum("count")).values("sum"))


def used_today() -> Subquery:
    """Return a column of accounts: the recipients that were taken out of today's allowance."""
    day = VolumeDay.objects.filter(account=OuterRef("pk"), day=today())
    return Subquery(day.values("used")[:1])


def days() -> ArraySubquery:
    """Return a column of accounts: the days of the small chart, those that there are."""
    since = today() - timedelta(days=SPARK_DAYS - 1)
    rows = VolumeDay.objects.filter(account=OuterRef("pk"), day__gte=since).order_by("day")
    return ArraySubquery(rows.values(row=JSONObject(day="day", used="used")))


def percent(part: int | None, whole: int | None) -> str:
    """Show a rate: "2.14 %", a dash where there is nothing to say."""
    return f"{100 * (part or 0) / whole:.2f} %" if whole else "–"


def sparkline(rows: list[dict[str, object]]) -> SafeString:
    """Draw the recipients of the last days, the highest day as high as there is room for."""
    used = {str(row["day"]): int(str(row["used"])) for row in rows}
    last = today()
    counts = [
        used.get((last - timedelta(days=back)).isoformat(), 0)
        for back in range(SPARK_DAYS - 1, -1, -1)
    ]
    step, scale = SPARK_WIDTH / (SPARK_DAYS - 1), (SPARK_HEIGHT - 2) / (max(counts) or 1)
    points = " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - 1 - count * scale:.1f}"
        for index, count in enumerate(counts)
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img"'
        ' aria-label="Recipients a day in {} days, at most {}"><polyline points="{}"/></svg>',
        SPARK_WIDTH, SPARK_HEIGHT, SPARK_WIDTH, SPARK_HEIGHT, SPARK_DAYS, f"{max(counts):,}",
        points,
    )  # fmt: skip
