"""The account over REST: what it may do, what is left of its day, and switches to turn."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import allowance, changes
from accounts.models import Account, Scope
from accounts.rest.serializers import StrictSerializer
from accounts.rest.views import AccountView
from accounts.volume import Standing


class AccountFields(StrictSerializer):
    """What a customer may change; what is left out stays as it is."""

    track_opens = serializers.BooleanField(required=False)
    track_clicks = serializers.BooleanField(required=False)


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
    track_opens = serializers.BooleanField(help_text="Where no domain or message says otherwise.")
    track_clicks = serializers.BooleanField(help_text="Where no domain or message says otherwise.")


class AccountDetail(AccountView):
    """The account itself."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.ADMIN}

    @extend_schema(operation_id="get_account", tags=["Account"], responses=AccountSchema)
    def get(self, request: Request, name: str) -> Response:
        """Return the account with its limits."""
        return Response(represent(self.account))

    @extend_schema(
        operation_id="change_account",
        tags=["Account"],
        request=AccountFields(partial=True),
        responses=AccountSchema,
    )
    def patch(self, request: Request, name: str) -> Response:
        """Say whether opens and clicks are tracked; it holds for what is accepted from now on."""
        fields = AccountFields(data=request.data, partial=True)
        fields.is_valid(raise_exception=True)
        with transaction.atomic():
            Account.objects.filter(pk=self.account.pk).update(**fields.validated_data)
            changes.announce(self.account.pk)
        self.account.refresh_from_db()
        return Response(represent(self.account))


def represent(account: Account) -> dict[str, Any]:
    """Return what may be known of an account, and what is left of its day."""
    return {
        "id": account.public_id,
        "name": account.name,
        "is_test": account.is_test,
        "suspended_for": account.suspended_for,
        "max_message_size": account.max_message_size,
        "requests_per_second": account.requests_per_second,
        "messages_per_second": account.messages_per_second,
        "volume": _volume(account),
        "track_opens": account.track_opens,
        "track_clicks": account.track_clicks,
    }


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
