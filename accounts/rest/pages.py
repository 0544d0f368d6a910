"""Lists in pages, newest first, by cursors that stay right while rows come in."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from accounts.rest import problems

USUAL, MOST = 25, 100


def page(
    request: Request,
    queryset: QuerySet[Any],
    key: str | tuple[str, ...],
    represent: Callable[[Any], Any],
) -> Response:
    """Answer one page of `?limit=` (1–100) rows `&after=` or `&before=` a cursor, newest first.

    `key` names the fields that order the rows, ascending in time. The last of them is unique and
    is the cursor. Raises Problem for a cursor or a limit that is none.
    """
    keys = (key,) if isinstance(key, str) else key
    limit = limit_of(request)
    after, before = (request.query_params.get(name) for name in ("after", "before"))
    if after is not None and before is not None:
        raise problems.invalid_parameter("before", "This does not go with `after`")
    rows, has_newer, has_older = (
        _newer(queryset, keys, limit, before)
        if before is not None
        else _older(queryset, keys, limit, after)
    )
    cursor = _cursor(rows[-1], keys) if rows and has_older else None
    body = {
        "object": "list",
        "data": [represent(row) for row in rows],
        "has_more": has_older if before is None else has_newer,
        "next_cursor": cursor,
    }
    links = []
    if cursor:
        links.append(_link(request, "before", "after", cursor, "next"))
    if rows and has_newer:
        links.append(_link(request, "after", "before", _cursor(rows[0], keys), "prev"))
    return Response(body, headers={"Link": ", ".join(links)} if links else None)


def limit_of(request: Request) -> int:
    """Return how many rows a page shall hold. Raises Problem."""
    text = request.query_params.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST):
        raise problems.invalid_parameter("limit", f"This is not a number from 1 to {MOST}")
    return int(text)


def _older(
    queryset: QuerySet[Any], keys: tuple[str, ...], limit: int, after: str | None
) -> tuple[list[Any], bool, bool]:
    """Return the rows that follow a cursor, and whether there are newer and older ones."""
    if after is not None:
        queryset = queryset.filter(_beside(queryset, keys, after, "after", "lt"))
    rows = list(queryset.order_by(*(f"-{one}" for one in keys))[: limit + 1])
    return rows[:limit], after is not None, len(rows) > limit


def _newer(
    queryset: QuerySet[Any], keys: tuple[str, ...], limit: int, before: str
) -> tuple[list[Any], bool, bool]:
    """Return the rows right before a cursor, and whether there are newer and older ones."""
    queryset = queryset.filter(_beside(queryset, keys, before, "before", "gt"))
    rows = list(queryset.order_by(*keys)[: limit + 1])
    return rows[:limit][::-1], len(rows) > limit, True


def _beside(
    queryset: QuerySet[Any], keys: tuple[str, ...], cursor: str, parameter: str, side: str
) -> Q:
    """Return the condition for rows on one side (lt: older, gt: newer) of the cursor's row."""
    unknown = problems.invalid_parameter(parameter, "There is no such row in this list")
    if "\0" in cursor:
        raise unknown
    values: tuple[Any, ...] | None
    try:
        if len(keys) == 1:
            # The row may have left the list meanwhile; its key still says where it stood.
            values = (queryset.model._meta.get_field(keys[0]).to_python(cursor),)
        else:
            values = queryset.filter(**{keys[-1]: cursor}).order_by().values_list(*keys).first()
    except (ValueError, OverflowError, ValidationError):
        raise unknown from None
    if values is None:
        raise unknown
    condition = Q(**{f"{keys[-1]}__{side}": values[-1]})
    for name, value in zip(keys[-2::-1], values[-2::-1], strict=True):
        # An index serves the first half; the second only sorts out equals.
        condition = Q(**{f"{name}__{side}e": value}) & (Q(**{f"{name}__{side}": value}) | condition)
    return condition


def _cursor(row: Model, keys: tuple[str, ...]) -> str:
    return str(getattr(row, keys[-1]))


def _link(request: Request, drop: str, parameter: str, cursor: str, relation: str) -> str:
    """Return a link to a neighbouring page (RFC 8288 §3)."""
    address = replace_query_param(request.build_absolute_uri(), parameter, cursor)
    return f'<{remove_query_param(address, drop)}>; rel="{relation}"'
