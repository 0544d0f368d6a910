"""Times on pages: relative to now where they stand alone, by the clock within a sentence."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
UNITS = (("day", DAY), ("hour", HOUR), ("minute", MINUTE))

register = template.Library()


@register.filter
def moment(when: datetime) -> SafeString:
    """Show a time relative to now; the exact one is in the title, and there for machines."""
    return _element(when, relative(when, timezone.now()))


@register.filter
def exact_moment(when: datetime) -> SafeString:
    """Show a time to the second, where the order of things matters."""
    return _element(when, exact(when))


def _element(when: datetime, text: str) -> SafeString:
    machine = when.isoformat(timespec="milliseconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', machine, exact(when), text)


def relative(when: datetime, now: datetime) -> str:
    """Say how far away a time is: "5 minutes ago", "in 2 hours", and the date beyond a week."""
    seconds = (now - when).total_seconds()
    distance = abs(seconds)
    if distance < MINUTE:
        return "just now" if seconds >= 0 else "in a moment"
    if distance >= WEEK:
        return f"{timezone.localtime(when):%-d %b %Y}"
    unit, length = next(pair for pair in UNITS if pair[1] <= distance)
    count = int(distance // length)
    amount = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def exact(when: datetime) -> str:
    """Return date, time to the second and zone: "2026-11-22 14:05:07 UTC"."""
    return f"{timezone.localtime(when):%Y-%m-%d %H:%M:%S %Z}"


def clock(when: datetime, now: datetime) -> str:
    """Say a time within a sentence: "14:05 UTC", with the day where that is not today."""
    local, today = timezone.localtime(when), timezone.localtime(now).date()
    if local.date() == today:
        return f"{local:%H:%M %Z}"
    if local.date() == today + timedelta(days=1):
        return f"tomorrow, {local:%H:%M %Z}"
    return f"{local:%-d %b, %H:%M %Z}"
