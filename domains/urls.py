"""Where the pages of domains live."""

from django.urls import path

from domains import page_acts, pages, shared_pages

ONE = "domains/<slug:public_id>/"

urlpatterns = [
    path("domains/", pages.domain_list, name="domain-list"),
    path("domains/new/", pages.domain_new, name="domain-new"),
    path(ONE, pages.domain_detail, name="domain-detail"),
    path(f"{ONE}records/", pages.domain_records, name="domain-records"),
    path(f"{ONE}check/", pages.domain_check, name="domain-check"),
    path(f"{ONE}zone-file/", page_acts.domain_zone_file, name="domain-zone-file"),
    path(f"{ONE}send/", shared_pages.domain_send, name="domain-send"),
    path(f"{ONE}new-key/", page_acts.domain_rotate, name="domain-rotate"),
    path(f"{ONE}tracking/", page_acts.domain_tracking, name="domain-tracking"),
    path(f"{ONE}delete/", page_acts.domain_delete, name="domain-delete"),
    path("records/<str:token>/", shared_pages.domain_shared, name="domain-shared"),
    path(
        "records/<str:token>/zone-file/", shared_pages.domain_shared_file, name="domain-shared-file"
    ),
]
