"""Webhooks over REST: where events are posted to, which ones, and the secrets that sign them."""

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest import pages
from accounts.rest.problems import Problem
from accounts.rest.serializers import BoundedList, StrictSerializer
from accounts.rest.views import AccountView
from events import webhooks
from events.models import Kind, Webhook
from events.webhooks import TooManyWebhooks, UrlRefused


class WebhookFields(StrictSerializer):
    """What a customer says of a webhook."""

    url = serializers.CharField(
        max_length=webhooks.MAX_URL, help_text="https; may hold a user name and a password."
    )
    kinds = BoundedList(
        child=serializers.ChoiceField(Kind.choices),
        required=False,
        max_length=len(Kind),
        help_text="The kinds to post; none named: all.",
    )
    is_enabled = serializers.BooleanField(required=False)

    def validate_url(self, url: str) -> str:
        try:
            webhooks.check_url(url)
        except UrlRefused as refusal:
            raise serializers.ValidationError(str(refusal)) from None
        return url

    def validate_kinds(self, kinds: list[str]) -> list[str]:
        return list(dict.fromkeys(kinds))


class WebhookSchema(serializers.Serializer[Any]):
    """A webhook. Its secret is shown when it is made and when it is rotated, and never again."""

    id = serializers.UUIDField()
    url = serializers.CharField(help_text="A password in it is shown as ***.")
    kinds = serializers.ListField(child=serializers.ChoiceField(Kind.choices))
    is_enabled = serializers.BooleanField()
    disabled_for = serializers.CharField(help_text="Why we disabled it; empty: we did not.")
    failures = serializers.IntegerField(help_text="Posts that failed since the last success.")
    failing_since = serializers.DateTimeField(allow_null=True)
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is posted before: it failed, or asked for patience."
    )
    created_at = serializers.DateTimeField()
    previous_secret_until = serializers.DateTimeField(allow_null=True)


class WebhookWithSecret(WebhookSchema):
    """A webhook with its new secret."""

    secret = serializers.CharField(help_text="`whsec_` and Base64, as Standard Webhooks has it.")


class WebhookPage(serializers.Serializer[Any]):
    """A page of webhooks."""

    object = serializers.CharField()
    data = WebhookSchema(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.UUIDField(allow_null=True)


class WebhookPaging(StrictSerializer):
    """Which page to list."""

    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.UUIDField(required=False)
    before = serializers.UUIDField(required=False)


def represent(webhook: Webhook) -> dict[str, Any]:
    """Return a webhook without anything secret."""
    return {
        "id": webhook.id,
        "url": webhooks.shown(webhook.url),
        "kinds": webhook.kinds,
        "is_enabled": webhook.is_enabled,
        "disabled_for": webhook.disabled_for,
        "failures": webhook.failures,
        "failing_since": webhook.failing_since,
        "paused_until": webhook.paused_until,
        "created_at": webhook.created_at,
        "previous_secret_until": webhook.previous_secret_until,
    }


class WebhookView(AccountView):
    """Looks for webhooks among those of the account."""

    def find(self, webhook_id: UUID) -> Webhook:
        webhook = Webhook.objects.filter(account=self.account, id=webhook_id).first()
        if webhook is None:
            raise Http404
        return webhook


class WebhookList(WebhookView):
    """All webhooks of an account, and the way to add one."""

    scopes = {"GET": Scope.READ, "POST": Scope.ADMIN}

    @extend_schema(
        operation_id="list_webhooks",
        tags=["Webhooks"],
        parameters=[WebhookPaging],
        responses=WebhookPage,
    )
    def get(self, request: Request, name: str) -> Response:
        """List webhooks."""
        WebhookPaging(data=request.query_params.dict()).is_valid(raise_exception=True)
        return pages.page(request, Webhook.objects.filter(account=self.account), "id", represent)

    @extend_schema(
        operation_id="create_webhook",
        tags=["Webhooks"],
        request=WebhookFields,
        responses={201: WebhookWithSecret},
    )
    def post(self, request: Request, name: str) -> Response:
        """Add a webhook. The answer is the only one that holds its secret."""
        wanted = WebhookFields(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            webhook, secret = webhooks.create(self.account, **wanted.validated_data)
        except TooManyWebhooks as refusal:
            raise Problem(422, "too_many_webhooks", str(refusal)) from None
        return Response(represent(webhook) | {"secret": secret}, status=201)


class WebhookDetail(WebhookView):
    """One webhook."""

    scopes = {"GET": Scope.READ, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}

    @extend_schema(operation_id="get_webhook", tags=["Webhooks"], responses=WebhookSchema)
    def get(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Return a webhook."""
        return Response(represent(self.find(webhook_id)))

    @extend_schema(
        operation_id="change_webhook",
        tags=["Webhooks"],
        request=WebhookFields(partial=True),
        responses=WebhookSchema,
    )
    def patch(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Change the fields that are given.

        Enabling a webhook, or giving it another URL, lets what waits for it be posted at once.
        """
        webhook = self.find(webhook_id)
        wanted = WebhookFields(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data:
            webhooks.change(webhook, **wanted.validated_data)
        return Response(represent(self.find(webhook_id)))

    @extend_schema(operation_id="delete_webhook", tags=["Webhooks"], responses={204: None})
    def delete(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Remove a webhook."""
        webhooks.remove(self.find(webhook_id))
        return Response(status=204)


class WebhookRotation(WebhookView):
    """A new secret for a webhook."""

    scopes = {"POST": Scope.ADMIN}

    @extend_schema(
        operation_id="rotate_webhook", tags=["Webhooks"], request=None, responses=WebhookWithSecret
    )
    def post(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Make a new secret. For 24 hours posts are signed with the one before as well."""
        webhook = self.find(webhook_id)
        try:
            secret = webhooks.rotate(webhook)
        except Webhook.DoesNotExist:
            raise Http404 from None
        return Response(represent(webhook) | {"secret": secret})
