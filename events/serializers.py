"""What the REST API says of the suppression list, and what it takes for it."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.rest.serializers import BoundedList, StrictSerializer
from domains.addresses import AddressError
from events.models import Suppression
from events.suppressions import MAX_NOTE, normal_form

MAX_AT_ONCE = 1000


class AddressField(serializers.CharField):
    """An address, brought into the form of the list."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return normal_form(super().to_internal_value(data))
        except AddressError as error:
            raise serializers.ValidationError(str(error)) from None


class NewSuppressions(StrictSerializer):
    """One address to put on the list, or up to a thousand."""

    address = AddressField(required=False, max_length=1000)
    addresses = BoundedList(
        child=AddressField(max_length=1000),
        required=False,
        allow_empty=False,
        max_length=MAX_AT_ONCE,
    )
    note = serializers.CharField(default="", allow_blank=True, max_length=MAX_NOTE)
    expires_at = serializers.DateTimeField(default=None, allow_null=True)

    def validate_expires_at(self, moment: Any) -> Any:
        if moment and moment <= timezone.now():
            raise serializers.ValidationError("This time has passed")
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("address" in attrs) == ("addresses" in attrs):
            raise serializers.ValidationError({"address": "Give address or addresses"})
        return attrs


class SuppressionQuery(StrictSerializer):
    """Which addresses to list."""

    reason = serializers.ChoiceField(Suppression.Reason.choices, required=False)
    query = serializers.CharField(
        default="", max_length=320, help_text="How the address begins, or all of it."
    )
    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.CharField(required=False)
    before = serializers.CharField(required=False)


class SuppressionSchema(serializers.Serializer[Any]):
    """An address that nothing is sent to."""

    id = serializers.CharField()
    address = serializers.CharField()
    reason = serializers.ChoiceField(Suppression.Reason.choices)
    note = serializers.CharField()
    message_id = serializers.UUIDField(allow_null=True, help_text="The message that caused it.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class SuppressionPage(serializers.Serializer[Any]):
    """A page of the list."""

    object = serializers.CharField()
    data = SuppressionSchema(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class PutSchema(serializers.Serializer[Any]):
    """What became of many addresses."""

    added = serializers.IntegerField()
    renewed = serializers.IntegerField(help_text="They were on the list before.")
    kept = serializers.IntegerField(help_text="Complaints, which stay as they are.")


class BadRowSchema(serializers.Serializer[Any]):
    """A row that was left out."""

    line = serializers.IntegerField()
    detail = serializers.CharField()


class ImportSchema(PutSchema):
    """What became of the rows of a file."""

    refused = serializers.IntegerField()
    errors = BadRowSchema(many=True)  # type: ignore[assignment]


def represent(suppression: Suppression) -> dict[str, Any]:
    return {
        "id": str(suppression.pk),
        "address": suppression.address,
        "reason": suppression.reason,
        "note": suppression.note,
        "message_id": suppression.message_id,
        "created_at": suppression.created_at,
        "expires_at": suppression.expires_at,
    }
