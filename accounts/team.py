"""Who belongs to an account: made, let in, given another role, and gone again."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Account, Membership, User

Role = Membership.Role
CLOSED = "its owner has closed it"


class NotPossible(Exception):
    """It would break a rule of accounts; the text says which, and what to do."""


def create_account(owner: User, name: str) -> Account:
    """Return a new account, in test mode as all begin, with its first owner."""
    with transaction.atomic():
        account = Account.objects.create(name=name, is_test=True)
        Membership.objects.create(user=owner, account=account, role=Role.OWNER)
    return account


def change_role(membership: Membership, role: Membership.Role) -> None:
    """Give a member another role. Raises NotPossible: nobody would own the account."""
    with transaction.atomic():
        if role != Role.OWNER:
            _keep_an_owner(membership)
        Membership.objects.filter(pk=membership.pk).update(role=role)


def remove(membership: Membership) -> None:
    """Take a member out of the account. Raises NotPossible: nobody would own the account."""
    with transaction.atomic():
        _keep_an_owner(membership)
        Membership.objects.filter(pk=membership.pk).delete()


def close(account: Account) -> None:
    """End an account: nobody belongs to it or logs in by it; what it holds is buried later."""
    now = timezone.now()
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(closed_at=now, suspended_for=CLOSED)
        account.credentials.filter(revoked_at=None).update(revoked_at=now)
        account.invitations.open().update(revoked_at=now)
        account.membership_set.all().delete()


def _keep_an_owner(membership: Membership) -> None:
    # All owners are locked, so that two of them cannot leave at the same moment.
    owners = Membership.objects.select_for_update().filter(
        account=membership.account_id, role=Role.OWNER
    )
    if [owner.pk for owner in owners] == [membership.pk]:
        raise NotPossible(
            f"{membership.user} is the only owner of {membership.account}. Make somebody else an "
            "owner first, or delete the account."
        )
