"""The pages of what a message holds: preview, text, header, attachments, checks, and its source.

A stranger wrote it. So texts are text, files are handed out as files, and HTML is shown in a frame
that may run nothing and fetch nothing, by a policy of its own.
"""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import account_required
from domains.models import Domain
from messages import letter_checks
from messages.anatomy import Anatomy, dissect
from messages.message_page import find
from messages.models import Content, Message

# Characters of a text that a page shows; all of it is in the source.
MOST_TEXT = 200_000
# For the preview: nothing runs, nothing is sent, and nothing is fetched but what is in the HTML.
# Nor does the frame lead anywhere else: that the policy of the page around it forbids.
POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:{remote};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
REMOTE = " https: http:"
# A link in the mail opens a window, which the sandbox forbids: so nothing happens.
BASE = '<base target="_blank">'
# No policy keeps a browser from looking for the host that a <link> names.
LINK_TAG = re.compile(r"<(?=link\b)", re.IGNORECASE)


def _content(message: Message) -> bytes | None:
    """Return the octets of a message; None: they were deleted by age."""
    found = Content.objects.filter(message=message).first()
    return bytes(found.data) if found else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as a page shows it."""

    text: str
    is_cut: bool


def _shown(text: str) -> Shown:
    return Shown(text[:MOST_TEXT], len(text) > MOST_TEXT)


def _page(account: Account, message_id: UUID) -> tuple[dict[str, Any], Anatomy | None]:
    """Return what a page of a message's content is made from."""
    message = find(account, message_id)
    content = _content(message)
    anatomy = dissect(content) if content is not None else None
    context = {"message": message, "anatomy": anatomy, "keeps_days": account.content_days}
    return context, anatomy


@require_safe
@account_required
def message_preview(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Show the HTML of a message in a frame; `images=remote` lets pictures come from anywhere."""
    context, _ = _page(account, message_id)
    context["has_remote"] = request.GET.get("images") == "remote"
    return render(request, "messages/preview.html", context)


@require_safe
@account_required
def message_html(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Hand out the HTML of a message, for the frame of the preview alone."""
    content = _content(find(account, message_id))
    if content is None:
        raise Http404
    html = LINK_TAG.sub("<x-", dissect(content).html_with_pictures())
    remote = REMOTE if request.GET.get("images") == "remote" else ""
    return HttpResponse(
        BASE + html,
        content_type="text/html; charset=utf-8",
        headers={
            "Content-Security-Policy": POLICY.format(remote=remote),
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "no-referrer",
            "X-DNS-Prefetch-Control": "off",
            "Cache-Control": "private, no-store",
        },
    )


@require_safe
@account_required
def message_text(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Show the plain text of a message."""
    context, anatomy = _page(account, message_id)
    context["shown"] = _shown(anatomy.plain) if anatomy else None
    return render(request, "messages/text.html", context)


@require_safe
@account_required
def message_headers(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Show the header of a message, its encoded words decoded."""
    context, anatomy = _page(account, message_id)
    fields = anatomy.fields if anatomy else []
    context["fields"] = [
        (one.raw.partition(b":")[0].decode("ascii", "replace").strip(), one.text) for one in fields
    ]
    return render(request, "messages/headers.html", context)


@require_safe
@account_required
def message_attachments(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """List what a message carries beside its texts."""
    context, _ = _page(account, message_id)
    return render(request, "messages/attachments.html", context)


@require_safe
@account_required
def message_attachment(
    request: HttpRequest, account: Account, message_id: UUID, number: int
) -> HttpResponse:
    """Hand out one attachment, as a file of octets whatever it says it is."""
    content = _content(find(account, message_id))
    parts = dissect(content).attachments if content is not None else []
    part = next((one for one in parts if one.number == number), None)
    if part is None:
        raise Http404
    # No path, nor what would let a file pass for another kind of it.
    name = re.sub(r"[\\/:*?\"<>|]", "_", part.name).strip(". ") or f"part-{number}"
    return _file(part.octets, "application/octet-stream", name)


@require_safe
@account_required
def message_checks(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Show what is good about a message, and what a receiver may dislike."""
    context, anatomy = _page(account, message_id)
    message: Message = context["message"]
    domain = Domain.objects.filter(account=account, name=message.sender_domain).first()
    context["checks"] = letter_checks.of_message(message, account, domain)
    if anatomy:
        context["checks"] += letter_checks.of_letter(message, anatomy)
        context["links"] = letter_checks.links(anatomy.html)
    return render(request, "messages/checks.html", context)


@require_safe
@account_required
def message_source(request: HttpRequest, account: Account, message_id: UUID) -> HttpResponse:
    """Hand out the content as a file; as text, so that no browser runs what is in it."""
    content = _content(find(account, message_id))
    if content is None:
        raise Http404
    return _file(content, "text/plain; charset=utf-8", f"{message_id}.eml")


def _file(octets: bytes, media_type: str, name: str) -> HttpResponse:
    disposition = content_disposition_header(as_attachment=True, filename=name)
    return HttpResponse(
        octets,
        content_type=media_type,
        headers={"Content-Disposition": disposition, "Cache-Control": "private, no-store"},
    )
