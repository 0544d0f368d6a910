"""Addresses below /api/: slashes too many do not matter, and errors outside views are problems."""

import logging
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from accounts.rest import problems
from accounts.rest.problems import Problem

logger = logging.getLogger(__name__)

SLASHES = re.compile("/{2,}")


class ApiPathMiddleware:
    """Takes `/api//v0.1/x/messages/` for `/api/v0.1/x/messages`, as clients write it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = SLASHES.sub("/", request.path_info)
        if path.startswith("/api/"):
            request.path_info = path.rstrip("/")
            request.path = SLASHES.sub("/", request.path).rstrip("/")
        return self.get_response(request)


def is_api(request: HttpRequest) -> bool:
    """Say whether a program asks, which wants a problem document and not a page."""
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself does not take, such as a host that is not ours."""
    if not is_api(request):
        return defaults.bad_request(request, exception)
    return _answer(request, Problem(400, "bad_request", "The request was not understood"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address at which there is nothing."""
    if not is_api(request):
        return defaults.page_not_found(request, exception)
    return _answer(request, Problem(404, "not_found", "There is nothing at this address"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer where something unforeseen went wrong; the log has the id that the client has."""
    if not is_api(request):
        return defaults.server_error(request)
    logger.error("Request %s failed: %s %s", problems.request_id(request), request.method,
                 request.path_info)  # fmt: skip
    return _answer(request, Problem(500, "internal_error", "Something went wrong on our side"))


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    return JsonResponse(
        problems.document(request, problem),
        status=problem.status_code,
        content_type=problems.MEDIA_TYPE,
        headers={"X-Request-Id": problems.request_id(request)},
    )
