"""Where sending domains live, below an account's address in the API."""

from django.urls import path

from domains import api

urlpatterns = [
    path("sending_domains", api.SendingDomainList.as_view()),
    path("sending_domains/<str:public_id>", api.SendingDomainDetail.as_view()),
    path("sending_domains/<str:public_id>/rotate", api.SendingDomainRotation.as_view()),
    path("sending_domains/<str:public_id>/verify", api.SendingDomainCheck.as_view()),
]
