"""Where the pages of events live."""

from django.urls import path

from events import analytics_page, suppression_pages, volume_page

urlpatterns = [
    path("analytics/", analytics_page.analytics, name="analytics"),
    path("analytics/<slug:name>.csv", analytics_page.analytics_csv, name="analytics-csv"),
    path("suppressions/", suppression_pages.suppression_list, name="suppression-list"),
    path("suppressions/add/", suppression_pages.add, name="suppression-add"),
    path("suppressions/export/", suppression_pages.export, name="suppression-export"),
    path("suppressions/import/", suppression_pages.import_file, name="suppression-import"),
    path("suppressions/<int:number>/remove/", suppression_pages.remove, name="suppression-remove"),
    path("volume/", volume_page.volume, name="volume"),
    path("volume/<int:request_id>/withdraw/", volume_page.withdraw, name="volume-withdraw"),
    path("volume/<int:request_id>/answer/", volume_page.answer, name="volume-answer"),
]
