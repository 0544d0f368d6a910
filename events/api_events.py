"""Events over REST: look back at them, or follow them with a cursor that skips none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Scope
from accounts.rest import pages, problems
from accounts.rest.problems import Problem
from accounts.rest.serializers import StrictSerializer
from accounts.rest.views import AccountView
from events import reading
from events.models import Event, Kind
from events.reading import Filter
from events.representation import represent

NEWEST, OLDEST = "newest", "oldest"


class EventQuery(StrictSerializer):
    """Which events to list, and from where on."""

    kind = serializers.CharField(
        default="", help_text="One kind, or several: `bounce,complaint`.", max_length=200
    )
    recipient = serializers.CharField(default="", max_length=1000, help_text="As it was given.")
    message_id = serializers.UUIDField(default=None)
    tag = serializers.CharField(default="", max_length=200)
    since = serializers.DateTimeField(default=None, help_text="Written at this moment or later.")
    until = serializers.DateTimeField(default=None, help_text="Written before this moment.")
    order = serializers.ChoiceField([NEWEST, OLDEST], default=NEWEST)
    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.UUIDField(required=False, help_text="What follows this event in the list.")
    before = serializers.UUIDField(required=False, help_text="What comes before it; newest only.")

    def validate_kind(self, text: str) -> list[str]:
        kinds = [kind.strip() for kind in text.split(",")] if text else []
        for kind in kinds:
            if kind not in Kind.values:
                raise serializers.ValidationError("The kinds are " + ", ".join(Kind.values))
        return kinds


class EventSchema(serializers.Serializer[Any]):
    """One thing that happened to one recipient."""

    id = serializers.UUIDField()
    timestamp = serializers.DateTimeField()
    kind = serializers.ChoiceField(Kind.choices)
    recipient = serializers.CharField()
    message_id = serializers.UUIDField()
    details = serializers.DictField()
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField()
    message_id_header = serializers.CharField()
    test = serializers.BooleanField()


class EventPage(serializers.Serializer[Any]):
    """A page of events."""

    object = serializers.CharField()
    data = EventSchema(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.UUIDField(allow_null=True)


class EventList(AccountView):
    """The ledger of an account."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="list_events", tags=["Events"], parameters=[EventQuery], responses=EventPage
    )
    def get(self, request: Request, name: str) -> Response:
        """List events, newest first, or follow them oldest first.

        With `order=oldest`, ask again with `after` = the last `next_cursor`: no event is skipped,
        and none comes twice. Events appear about two seconds after they were written.
        """
        asked = EventQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        order, after = wanted.pop("order"), wanted.pop("after", None)
        for field in ("limit", "before"):
            wanted.pop(field, None)
        wanted["kinds"] = wanted.pop("kind")
        with search():
            events = reading.settled(self.account, Filter(**wanted))
            if order == NEWEST:
                return pages.page(request, events, "id", represent)
            return follow(request, events, after)


@contextmanager
def search() -> Iterator[None]:
    """Bound the time of a search. Raises Problem."""
    try:
        with reading.bounded():
            yield
    except reading.TooLong as error:
        raise Problem(422, "search_too_long", f"The search took too long. {error}") from None


def follow(request: Request, events: QuerySet[Event], after: UUID | None) -> Response:
    """Answer with the events after a cursor, in the order of writing, and where to go on."""
    if "before" in request.query_params:
        raise problems.invalid_parameter("before", "This goes with order=newest only")
    limit = pages.limit_of(request)
    if after:
        events = events.filter(id__gt=after)
    rows = list(events.order_by("id")[: limit + 1])
    has_more, rows = len(rows) > limit, rows[:limit]
    return Response(
        {
            "object": "list",
            "data": [represent(row) for row in rows],
            "has_more": has_more,
            # Never lost, so that who follows need not remember it when nothing has come.
            "next_cursor": rows[-1].id if rows else after,
        }
    )


class EventDetail(AccountView):
    """One event."""

    scopes = {"GET": Scope.READ}

    @extend_schema(operation_id="get_event", tags=["Events"], responses=EventSchema)
    def get(self, request: Request, name: str, event_id: UUID) -> Response:
        """Return an event."""
        event = Event.objects.filter(account=self.account, id=event_id).first()
        if event is None:
            raise Http404
        return Response(represent(event))
