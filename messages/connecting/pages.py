"""SMTP & API keys: where the doors are, the credentials, and code to paste."""

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account, Credential
from accounts.views import account_required
from messages.connecting import access, snippets

# A list that nobody would read to its end is cut; the API lists all.
MOST = 200


@require_safe
@account_required
def credential_list(request: HttpRequest, account: Account) -> HttpResponse:
    """Show how to connect: hosts, ports, credentials, our CA, and snippets for one credential."""
    live = account.credentials.filter(revoked_at=None)
    newest_use_first = F("last_used_at").desc(nulls_last=True)
    credentials = list(live.order_by(newest_use_first, "-created_at")[:MOST])
    chosen = _chosen(request, credentials) or access.usual_credential(account)
    values = access.of(request, account, chosen)
    filled, pem = snippets.fill_in(values), access.ca_pem()
    context = {
        "credentials": credentials,
        "chosen": chosen,
        "now": timezone.now(),
        "access": values,
        "snippets": filled,
        "fingerprint": access.fingerprint(pem) if pem else "",
        "command": snippets.first_command(values),
        "is_cut": len(credentials) == MOST,
    }
    return render(request, "connecting/list.html", context)


def _chosen(request: HttpRequest, credentials: list[Credential]) -> Credential | None:
    """Return the credential whose snippets are asked for; of another account: not found."""
    name = request.GET.get("credential")
    if not name:
        return None
    found = next((one for one in credentials if one.username == name), None)
    if found is None:
        raise Http404
    return found


@require_safe
def ca_certificate(request: HttpRequest) -> HttpResponse:
    """Hand out the certificate of our own CA; it is public, as every client is shown it."""
    pem = access.ca_pem()
    if pem is None:
        raise Http404
    return HttpResponse(
        pem,
        content_type="application/x-pem-file",
        headers={"Content-Disposition": f'attachment; filename="{snippets.CA_FILE}"'},
    )
