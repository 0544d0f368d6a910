"""Where the pages of messages live."""

from django.urls import path

from messages import views, views_refusals
from messages.tracked.views import unsubscribe

urlpatterns = [
    path("", views.message_list, name="message-list"),
    path("messages/refused/", views_refusals.refusal_list, name="message-refusals"),
    path("messages/<uuid:message_id>/", views.message_detail, name="message-detail"),
    path("messages/<uuid:message_id>/source.eml", views.message_source, name="message-source"),
    path("t/u/<str:written>", unsubscribe, name="unsubscribe"),
]
