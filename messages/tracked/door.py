"""The door where pixels and tracked links lead: a WSGI application in front of Django's own.

A token says all that an answer needs, so that no request here waits for a database. Nothing that
we have not written ourselves is answered, and nobody is led to where a message did not lead.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from accounts.client_address import client_address
from events import tracking
from events.models import Kind
from events.tracking import Purpose
from messages.tracked.visits import Visit

PATH = re.compile(r"/t/(?:o/(?P<open>[\w-]+)\.gif|c/(?P<click>[\w-]+))", re.ASCII)

# Where browsers say that they fetch something ahead.
PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")

# One transparent dot.
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
# Each visit is to come to us, and no search engine needs to know.
HEADERS = [
    ("Cache-Control", "no-store, no-cache, private, max-age=0"),
    ("X-Robots-Tag", "noindex, nofollow"),
    ("X-Content-Type-Options", "nosniff"),
]
UNKNOWN = b"There is nothing at this address. If a message led you here, the link was damaged.\n"
READ_ONLY = b"This address only answers GET and HEAD.\n"


class TrackingDoor:
    """Answers what begins with /t/o/ and /t/c/, and leaves all else to the application behind."""

    def __init__(self, behind: WSGIApplication, record: Callable[[Visit], None]) -> None:
        self._behind = behind
        self._record = record

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(("/t/o/", "/t/c/")):
            return self._behind(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _text(
                start_response, "405 Method Not Allowed", READ_ONLY, ("Allow", "GET, HEAD")
            )
        written = PATH.fullmatch(path)
        if written and written["open"]:
            return self._open(written["open"], environ, start_response)
        if written:
            return self._click(written["click"], environ, start_response)
        return _text(start_response, "404 Not Found", UNKNOWN)

    def _open(
        self, written: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        token = tracking.read(Purpose.OPEN, written)
        if token is None:
            return _text(start_response, "404 Not Found", UNKNOWN)
        self._record(_visit(Kind.OPEN, token, environ))
        headers = [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), *HEADERS]
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [PIXEL]

    def _click(
        self, written: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        token = tracking.read(Purpose.CLICK, written)
        # We write no others; but what is signed may be old, and the rule is of today.
        if token is None or not token.url.lower().startswith(("http://", "https://")):
            return _text(start_response, "404 Not Found", UNKNOWN)
        self._record(_visit(Kind.CLICK, token, environ))
        return _text(start_response, "302 Found", b"", ("Location", token.url))


def _visit(kind: Kind, token: tracking.Token, environ: WSGIEnvironment) -> Visit:
    return Visit(
        kind=kind,
        recipient_id=token.recipient_id,
        url=token.url,
        at=datetime.now(UTC),
        address=client_address(environ),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        is_head=environ["REQUEST_METHOD"] == "HEAD",
        purpose=" ".join(environ[name] for name in PURPOSES if name in environ),
    )


def _text(
    start_response: StartResponse, status: str, text: bytes, *more: tuple[str, str]
) -> Iterable[bytes]:
    """Answer with a page of one sentence."""
    kind = ("Content-Type", "text/plain; charset=utf-8")
    start_response(status, [kind, ("Content-Length", str(len(text))), *more, *HEADERS])
    return [text]
