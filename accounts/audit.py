"""What members did, for the others to see: who, what, to which thing, from where, when."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from accounts.models import Account, AuditEntry, User
from accounts.views import current_membership

# Characters of a thing's name that are kept.
MAX_THING = 300


def record(
    request: HttpRequest, verb: str, thing: object = "", account: Account | None = None
) -> None:
    """Write down what the one who asks did: `record(request, "deleted the domain", domain)`.

    It belongs to the account that is looked at, unless another one is given. Call it in the
    transaction of the act itself, so that neither stands without the other.
    """
    if account is None:
        membership = current_membership(request)
        assert membership is not None
        account = membership.account
    user = request.user if isinstance(request.user, User) else None
    AuditEntry.objects.create(
        account=account,
        user=user,
        who=str(user or ""),
        verb=verb,
        thing=str(thing)[:MAX_THING],
        address=get_adapter().get_client_ip(request),
    )
