"""What is counted while events are posted, in the names and units of Prometheus."""

from prometheus_client import Counter, Histogram

# Seconds: from an endpoint next door to the patience that we have with any.
POST_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)

POSTS = Counter("cloudmta_webhook_posts", "Posts to webhooks, by what came of them", ["outcome"])
POSTED = Counter("cloudmta_webhook_events", "Events in posts that an endpoint has taken")
POST_SECONDS = Histogram(
    "cloudmta_webhook_post_seconds",
    "From the look-up of an endpoint to the end of its answer",
    buckets=POST_BUCKETS,
)
