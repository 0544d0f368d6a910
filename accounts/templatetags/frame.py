"""The parts of pages: icons, chips, copyable values, form fields, breadcrumbs, charts."""

from collections.abc import Mapping
from functools import cache

from django import template
from django.contrib.staticfiles import finders
from django.forms import BoundField, CheckboxInput, RadioSelect, Select
from django.template import Context
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.frame import Chip

ICONS = "vendor/bootstrap-icons-1.13.2"

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Put one of the icons of static/vendor into the page; screen readers pass over it."""
    return _icon(name)


@cache
def _icon(name: str) -> SafeString:
    path = finders.find(f"{ICONS}/{name}.svg")
    if path is None:
        raise template.TemplateSyntaxError(f"No icon {name!r}; see static/{ICONS}.")
    with open(path, encoding="ascii") as file:
        drawing = file.read().partition(">")[2]
    # Ours: it comes from our own files, by a name that stands in a template.
    return mark_safe(f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{drawing.strip()}')


@register.inclusion_tag("parts/chip.html")
def chip(one: Chip) -> dict[str, object]:
    """Show a state: `{% chip health %}`."""
    return {"chip": one}


@register.inclusion_tag("parts/copyable.html")
def copyable(value: str, what: str = "it", is_block: bool = False) -> dict[str, object]:
    """Show a value with a button that copies it; `what` names it for screen readers.

    A command, or whatever else has lines, is a block.
    """
    text = str(value)
    return {"value": text, "what": what, "is_block": is_block or "\n" in text}


@register.inclusion_tag("parts/crumb.html")
def crumb(word: str, name: str, *args: object) -> dict[str, object]:
    """Show the way up from the page of one thing: `{% crumb "Domains" "domain-list" %}`."""
    return {"word": word, "url": reverse(name, args=args)}


@register.simple_tag(takes_context=True)
def tab(context: Context, word: str, name: str, *args: object) -> SafeString:
    """Show one of several pages that belong together; the one that is shown is marked."""
    url = reverse(name, args=args)
    mark = mark_safe(' aria-current="page"') if context["request"].path == url else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', url, mark, word)


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField) -> dict[str, object]:
    """Show a field of a form: its label, widget, help, and what is wrong with it."""
    widget = bound.field.widget
    is_check = isinstance(widget, CheckboxInput)
    is_group = isinstance(widget, RadioSelect)  # of buttons, or of boxes to tick
    style = "form-check-input" if is_check else "form-control"
    if is_group:
        style = "group"  # Django gives it to the whole, and to each of its boxes
    if isinstance(widget, Select):
        style = "form-select"
    attributes: dict[str, str | bool] = {"class": f"{style} is-invalid" if bound.errors else style}
    described = [f"{bound.auto_id}_helptext"] if bound.help_text else []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return {
        "field": bound,
        "widget": bound.as_widget(attrs=attributes),
        "is_check": is_check,
        "is_group": is_group,
    }


@register.inclusion_tag("parts/chart.html")
def chart(
    id: str, title: str, data: Mapping[str, object], first_column: str = "Day", csv_url: str = ""
) -> dict[str, object]:
    """Show a chart, and the same numbers as a table. static/charts.js says what `data` holds."""
    series = data["series"]
    labels = data["labels"]
    assert isinstance(series, list)
    assert isinstance(labels, list)
    columns = [one["values"] for one in series]
    return {
        "id": id,
        "title": title,
        "data": data,
        "first_column": first_column,
        "rows": _rows(labels, columns, str(data.get("unit", ""))),
        "csv_url": csv_url,
    }


def _rows(labels: list[object], columns: list[list[object]], unit: str) -> SafeString:
    """Return the rows of a chart's table. A week by the hour has thousands of cells: a template
    would take tenths of a second for them."""
    unit = escape(unit)
    cells = (
        ["<td>–</td>" if value is None else f"<td>{escape(value)}{unit}</td>" for value in column]
        for column in columns
    )
    rows = zip(labels, *cells, strict=True)
    # Each part of it is escaped.
    return mark_safe("".join(
        f'<tr><th scope="row">{escape(label)}</th>{"".join(row)}</tr>' for label, *row in rows
    ))  # fmt: skip
