"""Where the pages of messages live."""

from django.urls import include, path

from messages import content_pages, message_acts, message_page, overview, views, views_refusals
from messages.connecting import credential_pages, pages, trial
from messages.tracked.views import unsubscribe

of_one = [
    path("", message_page.message_detail, name="message-detail"),
    path("preview/", content_pages.message_preview, name="message-preview"),
    path("preview.html", content_pages.message_html, name="message-html"),
    path("text/", content_pages.message_text, name="message-text"),
    path("headers/", content_pages.message_headers, name="message-headers"),
    path("attachments/", content_pages.message_attachments, name="message-attachments"),
    path("attachments/<int:number>", content_pages.message_attachment, name="message-attachment"),
    path("checks/", content_pages.message_checks, name="message-checks"),
    path("source.eml", content_pages.message_source, name="message-source"),
    path("cancel/", message_acts.cancel, name="message-cancel"),
    path("resend/", message_acts.resend, name="message-resend"),
    path("forget/", message_acts.forget, name="message-forget"),
]

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("messages/", views.message_list, name="message-list"),
    path("messages/export.csv", views.message_export, name="message-export"),
    path("messages/refused/", views_refusals.refusal_list, name="message-refusals"),
    path("messages/<uuid:message_id>/", include(of_one)),
    path("keys/", pages.credential_list, name="credential-list"),
    path("keys/ca.pem", pages.ca_certificate, name="ca-certificate"),
    path("keys/new/", credential_pages.create, name="credential-new"),
    path("keys/test/", trial.send, name="credential-test"),
    path("keys/test/<uuid:message_id>/", trial.watch, name="credential-trial"),
    path("keys/<str:username>/", credential_pages.change, name="credential-change"),
    path("keys/<str:username>/secret/", credential_pages.rotate, name="credential-rotate"),
    path("keys/<str:username>/end/", credential_pages.end_rotation, name="credential-end-rotation"),
    path("keys/<str:username>/revoke/", credential_pages.revoke, name="credential-revoke"),
    path("t/u/<str:written>", unsubscribe, name="unsubscribe"),
]
