"""Read requests strictly: a member that nobody knows is a mistake of spelling, not a wish."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

# Names that one answer lists at most.
MAX_NAMED = 20


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses members it does not know, each at its own pointer."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if not unknown or not isinstance(error.detail, dict):
                raise
            raise ValidationError({**error.detail, **unknown}) from None
        if unknown:
            raise ValidationError(unknown)
        return value

    def _unknown(self, data: Any) -> dict[str, list[ErrorDetail]]:
        if not isinstance(data, Mapping):
            return {}
        known = {name for name, field in self.fields.items() if not field.read_only}
        names = [name for name in data if name not in known][:MAX_NAMED]
        fault = ErrorDetail("This field is not known here", code="unknown_field")
        return {name: [fault] for name in names}


class BoundedList(serializers.ListField):
    """An array of at most `max_length` values. Nothing in a longer one is even looked at.

    A megabyte holds half a million values, and each that is wrong would cost a kilobyte.
    """

    def to_internal_value(self, data: Any) -> Any:
        if self.max_length and isinstance(data, list) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)
