"""Look at messages over REST: lists that are searched and filtered, and all there is of one."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest.pages import page
from accounts.rest.views import AccountView
from events.models import Event
from messages import search
from messages.models import Attempt, Content, Message, Recipient, Refusal
from messages.representations import (
    of_attempt,
    of_event,
    of_message,
    of_recipient,
    of_refusal,
)
from messages.schemas import (
    MessageDetailOut,
    MessagePage,
    MessageQuery,
    OutboundQuery,
    RefusalPage,
    RefusalQuery,
)

# Events that are told with a message; a link can be followed a thousand times.
MOST_EVENTS = 200

LIST_SCHEMA: dict[str, Any] = {
    "operation_id": "list_messages",
    "tags": ["Messages"],
    "parameters": [MessageQuery],
    "responses": MessagePage,
}


class MessageLists(AccountView):
    """Finds messages of the account."""

    def listed(self, request: Request) -> Response:
        """Answer the page of messages that the query asks for."""
        asked = MessageQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return self.paged(request, asked.validated_data)

    def paged(self, request: Request, asked: dict[str, Any]) -> Response:
        recipients = Prefetch("recipients", Recipient.objects.order_by("id"))
        found = search.find(self.account, asked).prefetch_related(recipients)
        return page(request, found, "id", of_message)


class MessageDetail(MessageLists):
    """One message."""

    scopes = {"GET": Scope.READ}

    @extend_schema(operation_id="get_message", tags=["Messages"], responses=MessageDetailOut)
    def get(self, request: Request, name: str, message_id: UUID) -> Response:
        """Return a message with its recipients, all attempts and the first 200 events."""
        return self.told(message_id)

    def told(self, message_id: UUID) -> Response:
        attempts = Attempt.objects.order_by("number", "id")
        recipients = Recipient.objects.order_by("id").prefetch_related(
            Prefetch("attempts", attempts)
        )
        message = (
            Message.objects.filter(account=self.account, id=message_id)
            .prefetch_related(Prefetch("recipients", recipients))
            .first()
        )
        if message is None:
            raise Http404
        events = Event.objects.filter(account=self.account, message_id=message_id).order_by("id")
        told = [of_event(event) for event in events[:MOST_EVENTS]]
        return Response(
            of_message(message)
            | {
                "spam_rules": message.spam_rules,
                "recipients": [
                    of_recipient(one) | {"attempts": [of_attempt(a) for a in one.attempts.all()]}
                    for one in message.recipients.all()
                ],
                "events": told,
            }
        )


class MessageContent(AccountView):
    """The octets of one message."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="get_message_content",
        tags=["Messages"],
        responses={(200, "text/plain"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, name: str, message_id: UUID) -> HttpResponse:
        """Return a message as it leaves, but for its signature."""
        content = Content.objects.filter(
            message__account=self.account, message_id=message_id
        ).first()
        if content is None:
            raise Http404
        return HttpResponse(
            bytes(content.data),
            # As text, so that no browser runs what is in it.
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{message_id}.eml"',
                "X-Content-Type-Options": "nosniff",
            },
        )


class OutboundMessageList(MessageLists):
    """The list of messages by the name that the original has for it."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="list_outbound_messages",
        tags=["Messages"],
        parameters=[OutboundQuery],
        responses=MessagePage,
    )
    def get(self, request: Request, name: str) -> Response:
        """List messages, those of one credential or all, newest first."""
        asked = OutboundQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        if username := wanted.pop("outbound_account_id", ""):
            wanted["credential"] = username
        return self.paged(request, wanted)


class OutboundMessageDetail(MessageDetail):
    """One message by the name that the original has for it."""

    @extend_schema(
        operation_id="get_outbound_message", tags=["Messages"], responses=MessageDetailOut
    )
    def get(self, request: Request, name: str, message_id: UUID) -> Response:
        """Return a message with its recipients, all attempts and the first 200 events."""
        return self.told(message_id)


class RefusalList(AccountView):
    """What was not taken."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="list_refusals",
        tags=["Messages"],
        parameters=[RefusalQuery],
        responses=RefusalPage,
    )
    def get(self, request: Request, name: str) -> Response:
        """List submissions that were refused, by SMTP and REST, newest first."""
        asked = RefusalQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = Refusal.objects.filter(account=self.account).select_related("credential")
        if cause := asked.validated_data.get("cause"):
            found = search.newest(found).filter(cause=cause)
        return page(request, found, "id", of_refusal)
