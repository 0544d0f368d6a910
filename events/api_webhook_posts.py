"""What was posted to a webhook over REST: the log, a test at once, and posting again."""

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
from events import batches, replay, trials
from events.api_events import search
from events.api_webhooks import WebhookView
from events.models import Kind, WebhookPost
from events.reading import Filter
from events.replay import ReplayRefused
from events.trials import TrialRunning

MOST_IDS = 1000
SUCCEEDED, FAILED = "succeeded", "failed"


class PostQuery(StrictSerializer):
    """Which posts to list."""

    outcome = serializers.ChoiceField([SUCCEEDED, FAILED], required=False)
    limit = serializers.CharField(required=False, help_text="1 to 100; 25 if left out.")
    after = serializers.UUIDField(required=False)
    before = serializers.UUIDField(required=False)


class WebhookPostSchema(serializers.Serializer[Any]):
    """One attempt to post."""

    id = serializers.UUIDField()
    webhook_id = serializers.CharField(help_text="The header `webhook-id`, the same on retries.")
    test = serializers.BooleanField()
    url = serializers.CharField(help_text="A password in it is shown as ***.")
    attempt = serializers.IntegerField()
    event_count = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    seconds = serializers.FloatField()
    response_status = serializers.IntegerField(allow_null=True, help_text="null: no answer.")
    error = serializers.CharField(help_text="Why it failed; empty: it did not.")
    next_attempt_at = serializers.DateTimeField(allow_null=True)


class WebhookPostPage(serializers.Serializer[Any]):
    """A page of the log."""

    object = serializers.CharField()
    data = WebhookPostSchema(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
    next_cursor = serializers.UUIDField(allow_null=True)


class WebhookPostWhole(WebhookPostSchema):
    """One attempt to post, with all that was sent and what came back."""

    request_headers = serializers.DictField(child=serializers.CharField())
    request_body = serializers.CharField()
    response_headers = serializers.DictField(child=serializers.CharField())
    response_body = serializers.CharField(help_text="The first 4096 octets.")


class TestFields(StrictSerializer):
    """What to test with."""

    kind = serializers.ChoiceField(Kind.choices, default=Kind.DELIVERY)


class ReplayFields(StrictSerializer):
    """Which events to post again: of a post, by their ids, or by a filter."""

    post_id = serializers.UUIDField(required=False, help_text="All events of this post.")
    event_ids = BoundedList(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=MOST_IDS
    )
    since = serializers.DateTimeField(required=False, help_text="Written at this moment or later.")
    until = serializers.DateTimeField(required=False, help_text="Written before this moment.")
    kinds = BoundedList(
        child=serializers.ChoiceField(Kind.choices), required=False, max_length=len(Kind)
    )
    recipient = serializers.CharField(required=False, max_length=1000)
    message_id = serializers.UUIDField(required=False)
    tag = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        exact = [name for name in ("post_id", "event_ids") if name in attrs]
        if exact and len(attrs) > 1:
            raise serializers.ValidationError({exact[0]: "Give this alone"})
        if not exact and not {"since", "message_id"} & attrs.keys():
            raise serializers.ValidationError(
                {"since": "Give post_id, event_ids, message_id, or since"}
            )
        return attrs


class ReplaySchema(serializers.Serializer[Any]):
    """How many events will be posted again."""

    events = serializers.IntegerField()


def represent(post: WebhookPost) -> dict[str, Any]:
    """Return a post as a list shows it."""
    headers = post.request_headers
    return {
        "id": post.id,
        "webhook_id": headers["webhook-id"],
        "test": post.batch_id is None,
        "url": post.url,
        "attempt": post.attempt,
        "event_count": post.event_count,
        "started_at": post.started_at,
        "seconds": round(post.duration.total_seconds(), 3),
        "response_status": post.response_status,
        "error": post.error,
        "next_attempt_at": post.next_attempt_at,
    }


def whole(post: WebhookPost) -> dict[str, Any]:
    """Return all that is known of a post."""
    return represent(post) | {
        "request_headers": post.request_headers,
        "request_body": batches.body_of(post),
        "response_headers": post.response_headers,
        "response_body": post.response_body,
    }


class WebhookPostList(WebhookView):
    """The log of a webhook."""

    scopes = {"GET": Scope.READ}

    @extend_schema(
        operation_id="list_webhook_posts",
        tags=["Webhooks"],
        parameters=[PostQuery],
        responses=WebhookPostPage,
    )
    def get(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """List what was posted in the last 14 days, newest first."""
        asked = PostQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        posts = WebhookPost.objects.filter(webhook=self.find(webhook_id))
        match asked.validated_data.get("outcome"):
            case "succeeded":
                posts = posts.filter(error="")
            case "failed":
                posts = posts.exclude(error="")
        posts = posts.defer("response_headers", "response_body", "test_body")
        return pages.page(request, posts, "id", represent)


class WebhookPostDetail(WebhookView):
    """One post."""

    scopes = {"GET": Scope.READ}

    @extend_schema(operation_id="get_webhook_post", tags=["Webhooks"], responses=WebhookPostWhole)
    def get(self, request: Request, name: str, webhook_id: UUID, post_id: UUID) -> Response:
        """Return a post with its request and the response."""
        posts = WebhookPost.objects.filter(webhook=self.find(webhook_id), pk=post_id)
        post = posts.select_related("batch").first()
        if post is None:
            raise Http404
        return Response(whole(post))


class WebhookTest(WebhookView):
    """A sample event, posted at once."""

    scopes = {"POST": Scope.ADMIN}

    @extend_schema(
        operation_id="test_webhook",
        tags=["Webhooks"],
        request=TestFields,
        responses=WebhookPostWhole,
    )
    def post(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Post a sample event now, and return what was sent and what came back.

        Takes up to 15 seconds. The event has `"test": true` and is in no list.
        """
        webhook = self.find(webhook_id)
        wanted = TestFields(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            post = trials.run(webhook, Kind(wanted.validated_data["kind"]))
        except TrialRunning as refusal:
            raise Problem(409, "test_running", str(refusal)) from None
        return Response(whole(post))


class WebhookReplay(WebhookView):
    """Posting again."""

    scopes = {"POST": Scope.ADMIN}

    @extend_schema(
        operation_id="replay_webhook",
        tags=["Webhooks"],
        request=ReplayFields,
        responses={202: ReplaySchema},
    )
    def post(self, request: Request, name: str, webhook_id: UUID) -> Response:
        """Post events again, under the same ids: of one post, by id, or by a filter.

        At most 1,000 by id and 50,000 by a filter. They come after what waits already.
        """
        webhook = self.find(webhook_id)
        wanted = ReplayFields(data=request.data)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        try:
            if "post_id" in asked:
                count = replay.by_post(webhook, asked["post_id"])
            elif "event_ids" in asked:
                count = replay.by_ids(webhook, asked["event_ids"])
            else:
                with search():
                    count = replay.by_filter(webhook, Filter(**asked))
        except ReplayRefused as refusal:
            status = 409 if refusal.code == "webhook_disabled" else 422
            raise Problem(status, refusal.code, str(refusal)) from None
        return Response({"events": count}, status=202)
