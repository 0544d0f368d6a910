"""Where the REST API of accounts lives, below an account."""

from django.urls import path

from accounts import api, api_account

urlpatterns = [
    path("account", api_account.AccountDetail.as_view()),
    path("credentials", api.CredentialList.as_view()),
    path("credentials/<str:username>", api.CredentialDetail.as_view()),
    path("credentials/<str:username>/rotate", api.CredentialRotation.as_view()),
]
