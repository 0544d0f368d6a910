"""Look at messages over REST: lists that are searched and filtered, and all there is of one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.message_class import BY_NAME
from accounts.models import Scope
from accounts.rest.pages import page
from accounts.rest.views import AccountView
from events.models import Event
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

# Messages that a search by words, recipient or state looks through: the newest ones.
NEWEST = 10_000

LIST_SCHEMA: dict[str, Any] = {
    "operation_id": "list_messages",
    "tags": ["Messages"],
    "parameters": [MessageQuery],
    "responses": MessagePage,
}


class MessageLists(AccountView):
    """Finds messages of the account."""

    @property
    def messages(self) -> QuerySet[Message]:
        recipients = Recipient.objects.order_by("id")
        return Message.objects.filter(account=self.account).prefetch_related(
            Prefetch("recipients", recipients)
        )

    def listed(self, request: Request) -> Response:
        """Answer the page of messages that the query asks for."""
        asked = MessageQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return page(request, self._filtered(asked.validated_data), "id", of_message)

    def _filtered(self, asked: dict[str, Any]) -> QuerySet[Message]:
        found = self.messages.filter(_facts(asked))
        recipients = _recipients(asked)
        if asked.get("query"):
            found = found.filter(_search(asked["query"]))
        if recipients:
            found = found.filter(
                Exists(Recipient.objects.filter(recipients, message=OuterRef("pk")))
            )
        return self._newest(found) if recipients or asked.get("query") else found

    def _newest(self, found: QuerySet[Message]) -> QuerySet[Message]:
        """Keep to the newest messages, so that no search reads a whole table."""
        keys = Message.objects.filter(account=self.account).order_by("-id")
        oldest = keys.values_list("id", flat=True)[NEWEST - 1 : NEWEST].first()
        return found.filter(id__gte=oldest) if oldest else found


def _facts(asked: dict[str, Any]) -> Q:
    """Return the condition that a message itself must meet."""
    condition = Q()
    if "tag" in asked:
        condition &= Q(tags__contains=[asked["tag"]])
    if "priority" in asked:
        condition &= Q(message_class=BY_NAME[asked["priority"]])
    if "domain" in asked:
        condition &= Q(sender_domain=asked["domain"].lower())
    if "test_mode" in asked:
        condition &= Q(is_test=asked["test_mode"])
    since: datetime | None = asked.get("since")
    until: datetime | None = asked.get("until")
    if since:
        condition &= Q(accepted_at__gte=since)
    if until:
        condition &= Q(accepted_at__lt=until)
    return condition


def _recipients(asked: dict[str, Any]) -> Q:
    """Return the condition that one of the recipients must meet."""
    condition = Q()
    if "state" in asked:
        condition &= Q(state=asked["state"])
    if "recipient" in asked:
        condition &= Q(address__iexact=asked["recipient"])
    return condition


def _search(text: str) -> Q:
    """Return the condition for the one search box: an id, a recipient, or part of the subject."""
    to = Recipient.objects.filter(message=OuterRef("pk"), address__iexact=text)
    condition = Q(subject__icontains=text) | Q(message_id_header=text) | Q(Exists(to))
    try:
        return condition | Q(id=UUID(text))
    except ValueError:
        return condition


class MessageDetail(MessageLists):
    """One message."""

    scopes = {"GET": Scope.READ}

    @extend_schema(operation_id="get_message", tags=["Messages"], responses=MessageDetailOut)
    def get(self, request: Request, name: str, message_id: UUID) -> Response:
        """Return a message with its recipients, all attempts and all events."""
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
        return Response(
            of_message(message)
            | {
                "spam_rules": message.spam_rules,
                "recipients": [
                    of_recipient(one) | {"attempts": [of_attempt(a) for a in one.attempts.all()]}
                    for one in message.recipients.all()
                ],
                "events": [of_event(event) for event in events],
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
        found = self._filtered({"query": asked.validated_data.get("query", "")})
        if username := asked.validated_data.get("outbound_account_id"):
            found = self._newest(found.filter(credential__username=username))
        return page(request, found, "id", of_message)


class OutboundMessageDetail(MessageDetail):
    """One message by the name that the original has for it."""

    @extend_schema(
        operation_id="get_outbound_message", tags=["Messages"], responses=MessageDetailOut
    )
    def get(self, request: Request, name: str, message_id: UUID) -> Response:
        """Return a message with its recipients, all attempts and all events."""
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
            found = found.filter(cause=cause)
        return page(request, found, "id", of_refusal)
