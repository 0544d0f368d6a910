"""Where the pages of events live."""

from django.urls import include, path

from events import (
    analytics_page,
    suppression_pages,
    volume_page,
    webhook_log_pages,
    webhook_pages,
)

of_webhook = [
    path("", webhook_pages.detail, name="webhook-detail"),
    path("state/", webhook_pages.state, name="webhook-state"),
    path("edit/", webhook_pages.edit, name="webhook-edit"),
    path("secret/", webhook_pages.rotate, name="webhook-secret"),
    path("switch/", webhook_pages.switch, name="webhook-switch"),
    path("delete/", webhook_pages.delete, name="webhook-delete"),
    path("test/", webhook_log_pages.try_now, name="webhook-test"),
    path("replay/", webhook_log_pages.replay_filter, name="webhook-replay"),
    path("posts/<uuid:post_id>/", webhook_log_pages.post_detail, name="webhook-post"),
    path("posts/<uuid:post_id>/replay/", webhook_log_pages.replay_post, name="webhook-post-replay"),
]

urlpatterns = [
    path("webhooks/", webhook_pages.webhook_list, name="webhook-list"),
    path("webhooks/new/", webhook_pages.new, name="webhook-new"),
    path("webhooks/<uuid:webhook_id>/", include(of_webhook)),
    path("analytics/", analytics_page.analytics, name="analytics"),
    path("analytics/<slug:name>.csv", analytics_page.analytics_csv, name="analytics-csv"),
    path("suppressions/", suppression_pages.suppression_list, name="suppression-list"),
    path("suppressions/add/", suppression_pages.add, name="suppression-add"),
    path("suppressions/export/", suppression_pages.export, name="suppression-export"),
    path("suppressions/import/", suppression_pages.import_file, name="suppression-import"),
    path(
        "suppressions/import/<int:number>/",
        suppression_pages.imported,
        name="suppression-imported",
    ),
    path("suppressions/<int:number>/remove/", suppression_pages.remove, name="suppression-remove"),
    path("volume/", volume_page.volume, name="volume"),
    path("volume/<int:request_id>/withdraw/", volume_page.withdraw, name="volume-withdraw"),
    path("volume/<int:request_id>/answer/", volume_page.answer, name="volume-answer"),
]
