"""The REST API described: its schema (OpenAPI 3.1), the same to read, and what its errors mean."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.problems import COMMON
from messages.refusals import Cause

# Swagger UI sets styles by script; it loads nothing from elsewhere, and runs no inline script.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Schema(SpectacularAPIView):
    """The schema, as JSON."""

    renderer_classes = [OpenApiJsonRenderer]


@extend_schema(exclude=True)
class Docs(SpectacularSwaggerSplitView):
    """The schema to read and to try, by Swagger UI from our own static files."""

    url_name = "api-schema"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response


def errors(request: HttpRequest) -> HttpResponse:
    """List every code that a problem may have."""
    rows = [
        {"code": code, "status": http, "title": title, "advice": advice}
        for code, (http, title, advice) in COMMON.items()
    ]
    rows += [
        {"code": cause.slug, "status": cause.value.http, "title": cause.value.title, "advice": ""}
        for cause in Cause
        if cause.slug not in COMMON
    ]
    rows.sort(key=lambda row: (row["status"], row["code"]))
    return render(request, "api/errors.html", {"rows": rows})
