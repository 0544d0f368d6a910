"""Where the REST API of messages lives, below an account."""

from django.urls import path

from messages import api, api_lists

urlpatterns = [
    path("messages", api.MessageList.as_view()),
    path("messages/batch", api.MessageBatch.as_view()),
    path("messages/<uuid:message_id>", api_lists.MessageDetail.as_view()),
    path("messages/<uuid:message_id>/content", api_lists.MessageContent.as_view()),
    path("messages/<uuid:message_id>/cancel", api.MessageCancel.as_view()),
    path("outbound_messages", api_lists.OutboundMessageList.as_view()),
    path("outbound_messages/<uuid:message_id>", api_lists.OutboundMessageDetail.as_view()),
    path("refusals", api_lists.RefusalList.as_view()),
]
