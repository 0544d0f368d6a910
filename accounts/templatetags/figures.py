"""Numbers on pages."""

from django import template

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """Show a whole number so that its size is seen: 12,500."""
    return f"{number:,}"
