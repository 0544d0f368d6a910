"""Where each page and each endpoint lives."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from cloudmta import api_docs, guide_pages, status
from cloudmta.metrics import metrics

ACCOUNT = "api/v0.1/<str:name>/"
# When it is asked for: in production a file's name is known only after `collectstatic`.
ICON = lazy(static, str)("cloudmta.svg")

urlpatterns = [
    # Browsers ask for it on pages that name no icon, such as those of the admin.
    path("favicon.ico", RedirectView.as_view(url=ICON), name="favicon"),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
    path("", include("accounts.urls")),
    path("", include("domains.urls")),
    path("", include("events.urls")),
    path("", include("messages.urls")),
    path("docs/", guide_pages.docs, name="docs"),
    path("docs/<slug:slug>/", guide_pages.docs_page, name="docs-page"),
    path("status/", status.status, name="status"),
    path("api/status", status.status_document, name="api-status"),
    path("api/schema", api_docs.Schema.as_view(), name="api-schema"),
    path("api/docs", api_docs.Docs.as_view(), name="api-docs"),
    path("api/docs/errors", api_docs.errors, name="api-errors"),
    path(ACCOUNT, include("accounts.api_urls")),
    path(ACCOUNT, include("domains.api_urls")),
    path(ACCOUNT, include("events.api_urls")),
    path(ACCOUNT, include("messages.api_urls")),
]
handler400 = "cloudmta.api_paths.bad_request"
handler404 = "cloudmta.api_paths.not_found"
handler500 = "cloudmta.api_paths.server_error"
