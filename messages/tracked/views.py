"""The page where a recipient unsubscribes from digests (RFC 8058)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from events import suppressions, tracking
from events.tracking import Purpose
from messages.models import Recipient

PAGE = "messages/unsubscribe.html"


# Mail programs post without cookies (RFC 8058 §3.2); who has the token is who got the message.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, written: str) -> HttpResponse:
    """Ask at a GET, which scanners make too, and unsubscribe at a POST."""
    token = tracking.read(Purpose.UNSUBSCRIBE, written)
    if token is None:
        return _page(request, "unknown", status=404)
    if request.method != "POST":
        return _page(request, "question")
    recipient = Recipient.objects.filter(id=token.recipient_id).first()
    if recipient is None:
        return _page(request, "gone", status=404)
    suppressions.unsubscribe(recipient.account_id, recipient.address, recipient.message_id)
    return _page(request, "done")


def _page(request: HttpRequest, part: str, status: int = 200) -> HttpResponse:
    response = render(request, PAGE, {"part": part}, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
