"""The account over REST: what it may do, and what is left of its day."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import allowance
from accounts.models import Account, Scope
from accounts.rest.views import AccountView
from accounts.volume import Standing


class VolumeSchema(serializers.Serializer[Any]):
    """How many recipients the account may send to, and has sent to, on this UTC day."""

    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    remaining = serializers.IntegerField()
    resets_at = serializers.DateTimeField()
    held = serializers.IntegerField(help_text="Recipients that wait for volume")
    ceiling = serializers.IntegerField(help_text="So far the limit may grow by itself")
    standing = serializers.ChoiceField(Standing.labels)


class AccountSchema(serializers.Serializer[Any]):
    """The account that a credential belongs to."""

    id = serializers.CharField()
    name = serializers.CharField()
    is_test = serializers.BooleanField()
    suspended_for = serializers.CharField(allow_blank=True)
    max_message_size = serializers.IntegerField(help_text="Octets")
    requests_per_second = serializers.IntegerField()
    messages_per_second = serializers.IntegerField(allow_null=True)
    volume: Any = VolumeSchema()


class AccountDetail(AccountView):
    """The account itself."""

    scopes = {"GET": Scope.READ}

    @extend_schema(operation_id="get_account", tags=["Account"], responses=AccountSchema)
    def get(self, request: Request, name: str) -> Response:
        """Return the account with its limits."""
        account = self.account
        return Response(
            {
                "id": account.public_id,
                "name": account.name,
                "is_test": account.is_test,
                "suspended_for": account.suspended_for,
                "max_message_size": account.max_message_size,
                "requests_per_second": account.requests_per_second,
                "messages_per_second": account.messages_per_second,
                "volume": _volume(account),
            }
        )


def _volume(account: Account) -> dict[str, Any]:
    usage = allowance.usage(account)
    return {
        "limit": usage.allowance,
        "used": usage.used,
        "remaining": usage.remaining,
        "resets_at": allowance.resets_at(),
        "held": usage.held,
        "ceiling": account.ceiling,
        "standing": usage.standing.label,
    }
