"""What each endpoint of an account does before and after its own work."""

import io
from typing import Any, ClassVar, cast

from django.core.handlers.wsgi import WSGIRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.allowance import Usage, usage
from accounts.models import Account, Credential, Scope
from accounts.rest import limits
from accounts.rest.authentication import WRONG
from accounts.rest.limits import Allowance
from accounts.rest.problems import Problem, request_id

MEBIBYTE = 1024 * 1024


class AccountView(APIView):
    """An endpoint of one account, below `/api/v0.1/{name}/`.

    `scopes` says what a credential needs for each method that the endpoint has.
    """

    scopes: ClassVar[dict[str, Scope]] = {}
    max_body: ClassVar[int] = MEBIBYTE  # octets
    metadata_class = None  # no OPTIONS: the schema describes it all
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    credential: Credential
    account: Account
    allowance: Allowance | None = None
    volume: Usage | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not isinstance(request.auth, Credential):
            raise NotAuthenticated(WRONG)
        self.credential = request.auth
        self.account = request.auth.account
        self.volume = usage(self.account)
        self._count()
        self._permit(request.method or "")
        _limit_body(cast(WSGIRequest, request._request), self.max_body)

    def _count(self) -> None:
        """Count the request, and refuse one too many."""
        self.allowance = limits.count(self.account)
        if self.allowance and not self.allowance.passes:
            rate, wait = self.account.requests_per_second, max(self.allowance.wait, 1)
            detail = f"The account may make {rate} requests a second; wait for {wait} s"
            raise Problem(429, "rate_limit", detail, headers={"Retry-After": str(wait)})

    def _permit(self, method: str) -> None:
        """Refuse what the credential may not do, and what a suspended account may not do."""
        needed = self.scopes.get("GET" if method == "HEAD" else method)
        if needed is None:
            return  # the endpoint does not have this method, and will say so
        if needed.value not in self.credential.scopes:
            detail = f"The credential {self.credential.username} lacks the scope {needed.value}"
            raise Problem(403, "scope_missing", detail)
        if self.account.suspended_for and method not in SAFE_METHODS:
            detail = f"The account is suspended: {self.account.suspended_for}"
            raise Problem(403, "account_suspended", detail)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["X-Request-Id"] = request_id(request)
        # What is an account's own is for no cache on the way.
        response.headers.setdefault("Cache-Control", "no-store")
        for known in (self.allowance, self.volume):
            for header, value in known.headers.items() if known else ():
                response.headers[header] = value
        return response


def _limit_body(request: WSGIRequest, max_body: int) -> None:
    """Refuse a body of more octets before it is read; one in chunks as soon as it is."""
    if _is_in_chunks(request):
        # Django reads as far as Content-Length says, which such a request does not have.
        octets = request.environ["wsgi.input"].read(max_body + 1)
        request.META["CONTENT_LENGTH"] = str(len(octets))
        request._stream = io.BytesIO(octets)
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdecimal() and int(declared) > max_body:
        raise Problem(413, "too_big", f"The body may have {max_body} octets at most")


def _is_in_chunks(request: WSGIRequest) -> bool:
    """Say whether the body ends where its chunks do (RFC 9112 §7.1)."""
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower() and bool(
        request.META.get("wsgi.input_terminated")
    )
