"""The REST API described: its schema (OpenAPI 3.1), the same to read, and what its errors mean."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.codes import CODES, OF_FIELDS
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


# What whoever meets a refusal is to do; `detail` says more.
ADVICE = {
    Cause.CREDENTIAL_REVOKED: "Use another credential.",
    Cause.ACCOUNT_SUSPENDED: "Reading still works; ask the operator.",
    Cause.SCOPE_MISSING: "Use a credential that has the scope send.",
    Cause.INVALID_SENDER: "Give one address, bare or as Name <address>.",
    Cause.NULL_SENDER: "Give a sender under one of your domains.",
    Cause.DOMAIN_NOT_VERIFIED: "Add the domain, set its DNS records, and have it verified.",
    Cause.DOMAIN_NOT_ALLOWED: "Use a credential that may send under this domain.",
    Cause.INVALID_RECIPIENT: "Correct the address.",
    Cause.ADDRESS_LITERAL: "Give an address with a domain name in place of an IP address.",
    Cause.TOO_MANY_RECIPIENTS: "Send one message to each recipient, in a batch if you like.",
    Cause.RELAY_MUST_SPLIT: "Send the message to the other recipients in another transaction.",
    Cause.TOO_BIG: "Send a link in place of a big attachment.",
    Cause.MALFORMED: "Correct what the detail names; the message breaks RFC 5322 there.",
    Cause.INVALID_CLASS: "Use priority, standard or digest.",
    Cause.INVALID_TAGS: "Use fewer or shorter tags.",
    Cause.INVALID_METADATA: "Use fewer or shorter names and values.",
    Cause.INVALID_TEST_MODE: "Use true or false.",
    Cause.INVALID_TRACKING: "Use true or false, or leave it to the domain and the account.",
    Cause.INVALID_UNSUBSCRIBE: "Use true or false; only a digest can offer it.",
    Cause.INVALID_KEY: "Use 1 to 256 visible characters.",
    Cause.LOOP: "The message came through too many hosts: look for two that forward in turn.",
    Cause.ATTACHMENT: "Send the file as a link; programs are not taken by any name.",
    Cause.SPAM: "Change what looks like spam; the detail tells the score.",
    Cause.RATE_LIMIT: "Wait for the seconds in Retry-After, then repeat.",
    Cause.VOLUME_LIMIT: "Wait until 00:00 UTC; or ask for more volume on the page Volume.",
    Cause.SENDING_PAUSED: "Find out why mail bounces, and tell the operator what has changed.",
    Cause.KEY_IN_FLIGHT: "Repeat the request in a second: it gets the answer of the first.",
    Cause.KEY_REUSED: "Use a new key for each new request.",
}


def errors(request: HttpRequest) -> HttpResponse:
    """List every code that a problem may have."""
    rows = {
        code: {"code": code, "status": http, "title": title, "advice": advice}
        for code, (http, title, advice) in CODES.items()
    }
    for cause in Cause:
        manner = cause.value
        row = {"code": cause.slug, "status": manner.http, "title": manner.title}
        rows.setdefault(cause.slug, row | {"advice": ADVICE[cause]})
    ordered = sorted(rows.values(), key=lambda row: (row["status"], row["code"]))
    return render(request, "api/errors.html", {"rows": ordered, "fields": OF_FIELDS})
