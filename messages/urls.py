"""Where the pages of messages live."""

from django.urls import path

from messages import views

urlpatterns = [
    path("", views.message_list, name="message-list"),
    path("messages/<uuid:message_id>/", views.message_detail, name="message-detail"),
    path("messages/<uuid:message_id>/source.eml", views.message_source, name="message-source"),
]
