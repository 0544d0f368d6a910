"""Where events, suppressions, webhooks and statistics live, below an account's address."""

from django.urls import path

from events.api_events import EventDetail, EventList
from events.api_statistics import Statistics
from events.api_suppression_csv import SuppressionFile
from events.api_suppressions import SuppressionDetail, SuppressionList
from events.api_webhook_posts import (
    WebhookPostDetail,
    WebhookPostList,
    WebhookReplay,
    WebhookTest,
)
from events.api_webhooks import WebhookDetail, WebhookList, WebhookRotation

urlpatterns = [
    path("events", EventList.as_view()),
    path("events/<uuid:event_id>", EventDetail.as_view()),
    path("suppressions", SuppressionList.as_view()),
    path("suppressions.csv", SuppressionFile.as_view()),
    # An address may hold a slash.
    path("suppressions/<path:address>", SuppressionDetail.as_view()),
    path("webhooks", WebhookList.as_view()),
    path("webhooks/<uuid:webhook_id>", WebhookDetail.as_view()),
    path("webhooks/<uuid:webhook_id>/rotate", WebhookRotation.as_view()),
    path("webhooks/<uuid:webhook_id>/posts", WebhookPostList.as_view()),
    path("webhooks/<uuid:webhook_id>/posts/<uuid:post_id>", WebhookPostDetail.as_view()),
    path("webhooks/<uuid:webhook_id>/test", WebhookTest.as_view()),
    path("webhooks/<uuid:webhook_id>/replay", WebhookReplay.as_view()),
    path("statistics", Statistics.as_view()),
]
