"""Invite people into an account: by a signed link that ends, and that can be taken back."""

from datetime import timedelta

from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Account, Invitation, Membership, User
from accounts.team import NotPossible

VALID_FOR = timedelta(days=7)
SALT = "accounts.invitation"
# Where a session keeps the link while its owner signs up.
SESSION_KEY = "invitation"


def invite(account: Account, address: str, role: Membership.Role, by: User) -> Invitation:
    """Return an invitation for an address; an earlier one for the same address ends.

    Raises NotPossible: whoever has the address is a member already.
    """
    address = address.lower()
    if Membership.objects.filter(account=account, user__email=address).exists():
        raise NotPossible(f"{address} is a member already; change the role in the list.")
    with transaction.atomic():
        Invitation.objects.open().filter(account=account, email=address).update(
            revoked_at=timezone.now()
        )
        return Invitation.objects.create(
            account=account,
            email=address,
            role=role,
            invited_by=by,
            expires_at=timezone.now() + VALID_FOR,
        )


def token(invitation: Invitation) -> str:
    """Return what the link carries: the number of the invitation, signed."""
    return signing.dumps(invitation.pk, salt=SALT)


def find(token: str) -> Invitation | None:
    """Return the open invitation of a link; None: forged, used, ended or taken back."""
    try:
        number = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    found = Invitation.objects.open().filter(pk=number)
    return found.select_related("account", "invited_by").first()


def accept(invitation: Invitation, user: User) -> bool:
    """Make the invited user a member. False: it has been used or taken back meanwhile."""
    with transaction.atomic():
        mine = Invitation.objects.open().filter(pk=invitation.pk)
        if not mine.update(accepted_at=timezone.now()):
            return False
        Membership.objects.get_or_create(
            user=user, account=invitation.account, defaults={"role": invitation.role}
        )
    return True


def stash(request: HttpRequest, token: str) -> None:
    """Remember a link for the way through sign-up."""
    request.session[SESSION_KEY] = token


def stashed(request: HttpRequest) -> Invitation | None:
    """Return the invitation that brought somebody here, while it is open."""
    token = request.session.get(SESSION_KEY)
    return find(token) if token else None


def forget(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)
