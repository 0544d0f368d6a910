"""What the OpenAPI description says of every operation: whose it is, and all its problems."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from accounts.rest import problems
from accounts.rest.serializers import StrictSerializer

NAME = "The user name of a credential, or the id of an account: 16 hex digits."
# Problems of all operations, and of those that take a body.
ALWAYS = (400, 401, 403, 404, 406, 422, 429, 500, 503)
WITH_BODY = (409, 413, 415)
DESCRIPTIONS = {
    400: "The request cannot be read.",
    401: "The secret is missing or wrong.",
    403: "The credential or the account may not do this.",
    404: "There is nothing at this address.",
    406: "The answer is JSON, which the request does not accept.",
    409: "A request with the same idempotency key is at work, or there is one of this already.",
    413: "The body is too big.",
    415: "The body is of another media type.",
    422: "A field or a parameter is not as it should be.",
    429: "Too many requests at once.",
    500: "Something went wrong on our side.",
    503: "Not available for now.",
}
HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}},
}


class FaultSchema(serializers.Serializer[Any]):
    """One field, or one parameter of the query, that is not as it should be."""

    pointer = serializers.CharField(
        allow_blank=True,
        help_text="JSON pointer (RFC 6901) into the body; of a batch: of a message.",
    )
    parameter = serializers.CharField(required=False, help_text="The parameter of the query.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSchema(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.URLField(help_text="Where the code is explained.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    error = serializers.CharField(help_text="The same as detail.")
    code = serializers.CharField(help_text="What programs go by; see /api/docs/errors.")
    request_id = serializers.CharField()
    errors: Any = FaultSchema(many=True)


class ApiSchema(AutoSchema):
    """Describes one operation."""

    def _get_parameters(self) -> Any:
        parameters = super()._get_parameters()
        for one in parameters:
            if one["in"] == "path" and one["name"] == "name":
                one["description"] = NAME
                one["schema"] = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "request" and isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        answers = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSchema, direction).ref
        statuses = ALWAYS if self.method in ("GET", "DELETE") else ALWAYS + WITH_BODY
        for status in sorted(statuses):
            answer = answers.setdefault(str(status), {})
            answer["description"] = answer.get("description") or DESCRIPTIONS[status]
            answer.setdefault("content", {})[problems.MEDIA_TYPE] = {"schema": problem}
            if status in HEADERS:
                answer["headers"] = HEADERS[status]
        return answers

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        # In the description, all names are those of schemas.
        return super().get_serializer_name(serializer, direction).removesuffix("Schema")


class Secret(OpenApiAuthenticationExtension):
    """How the description names our authentication."""

    target_class = "accounts.rest.authentication.SecretAuthentication"
    name = ["bearer", "basic"]

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return [{"bearer": []}, {"basic": []}]

    def get_security_definition(self, auto_schema: Any) -> Any:
        return [
            {"type": "http", "scheme": "bearer", "description": "A live secret."},
            {"type": "http", "scheme": "basic", "description": "Any name, a live secret."},
        ]


class PageQuery(StrictSerializer):
    """Which page of a list to show."""

    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.CharField(required=False, help_text="The next_cursor of the page before.")
    before = serializers.CharField(required=False, help_text="The first row of the page after.")
