"""Errors as problem documents (RFC 9457), with the `error` of the original API beside."""

import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import DisallowedHost, PermissionDenied
from django.http import Http404, HttpRequest
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts.database import UNAVAILABLE
from accounts.rest.codes import CODES

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# Where each code is explained; the code is the anchor.
DOCUMENTATION = "/api/docs/errors"
# Seconds after which to come again while the database is away.
DATABASE_BACK_IN = 5
# Faults that the sentence of a problem names, and those that its `errors` list: a body of a
# megabyte can hold half a million of them.
NAMED_IN_DETAIL, MAX_LISTED = 3, 50


class Problem(APIException):
    """An answer of `http` ≥ 400. `pointer` (RFC 6901) names the field of the body to blame.

    `errors` lists several faults, each `{"pointer", "code", "detail"}`, or with `parameter` in
    place of `pointer` where the query is to blame.
    """

    def __init__(
        self,
        http: int,
        code: str,
        detail: str,
        pointer: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        title: str = "",
    ) -> None:
        super().__init__(detail, code)
        self.status_code = http
        self.code = code
        self.text = detail
        self.title = title or title_of(code, http)
        self.errors = list(errors)
        if pointer and not self.errors:
            self.errors = [{"pointer": pointer, "code": code, "detail": detail}]
        self.headers = dict(headers or {})
        self.extension: Mapping[str, Any] = {}  # members beside those of all problems


def title_of(code: str, http: int) -> str:
    """Return what a code means in a few words."""
    return CODES[code][1] if code in CODES else HTTPStatus(http).phrase


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view; None: unforeseen, and Django makes a logged 500 of it."""
    problem = understand(error)
    if problem is None:
        return None
    request = context["request"]
    return Response(
        document(request, problem),
        status=problem.status_code,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )


def understand(error: Exception) -> Problem | None:
    """Return what an exception means to the client. None: nothing that it could know of."""
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return invalid(faults(error.detail))
        case exceptions.ParseError():
            return Problem(400, "malformed_json", str(error.detail))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            challenge = {"WWW-Authenticate": getattr(error, "auth_header", "Bearer")}
            return Problem(401, "unauthorized", str(error.detail), headers=challenge)
        case Http404() | exceptions.NotFound():
            return Problem(404, "not_found", "There is nothing at this address")
        case PermissionDenied() | exceptions.PermissionDenied():
            return Problem(403, "forbidden", str(error) or "This is not allowed")
        case exceptions.MethodNotAllowed() | exceptions.NotAcceptable():
            return Problem(error.status_code, error.default_code, str(error.detail))
        case exceptions.UnsupportedMediaType():
            return Problem(415, error.default_code, "The body must be application/json")
        case _ if isinstance(error, UNAVAILABLE):
            logger.error("The database did not answer a request: %s", error)
            wait = {"Retry-After": str(DATABASE_BACK_IN)}
            return Problem(503, "unavailable", "Try again in a few seconds", headers=wait)
        case exceptions.APIException():
            return Problem(error.status_code, "bad_request", str(error.detail))
    return None


def invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    """Return the problem of fields that are not as they should be."""
    named = [
        f"{place}: {one['detail']}" if (place := one.get("pointer") or one.get("parameter"))
        else one["detail"]
        for one in errors[:NAMED_IN_DETAIL]
    ]  # fmt: skip
    more = len(errors) - len(named)
    text = "; ".join(named) + (f"; and {more} more" if more else "")
    return Problem(422, "invalid", text, errors=errors[:MAX_LISTED])


def invalid_parameter(name: str, detail: str) -> Problem:
    """Return the problem of a parameter of the query that is not as it should be."""
    return invalid([{"pointer": "", "parameter": name, "code": "invalid", "detail": detail}])


def faults(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Return what a serializer has found, each fault with the pointer of its field."""
    return list(_faults(detail, pointer))


def _faults(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            is_whole = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from _faults(inner, pointer if is_whole else f"{pointer}/{escape(str(name))}")
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list | tuple)
            yield from _faults(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def escape(name: str) -> str:
    """Return a member's name as a part of a JSON pointer (RFC 6901 §3)."""
    return name.replace("~", "~0").replace("/", "~1")


def document(request: Request | HttpRequest, problem: Problem) -> dict[str, Any]:
    """Return the members of the problem document."""
    return {
        "type": _type(request, problem.code),
        "title": problem.title,
        "status": problem.status_code,
        "detail": problem.text,
        "error": problem.text,
        "code": problem.code,
        "request_id": request_id(request),
        "errors": problem.errors,
        **problem.extension,
    }


def _type(request: Request | HttpRequest, code: str) -> str:
    path = f"{DOCUMENTATION}#{code}"
    try:
        return request.build_absolute_uri(path)
    except DisallowedHost:
        return path


def request_id(request: Request | HttpRequest) -> str:
    """Return the name of a request, by which its log lines are found."""
    bare = request._request if isinstance(request, Request) else request
    name: str | None = bare.META.get("cloudmta.request_id")
    if name is None:
        name = bare.META["cloudmta.request_id"] = f"req_{secrets.token_hex(12)}"
    return name
