"""Alice and Bob, each with an account and a credential, as the REST door sees them."""

import uuid

import pytest
from rest_framework.test import APIClient

from accounts.authentication import create_credential
from accounts.models import Account, Scope

EVERYTHING = [scope.value for scope in Scope]


@pytest.fixture(autouse=True)
def counts_of_its_own(settings):
    """No test meets the log-ins that another one has counted."""
    cache = settings.CACHES["default"]
    settings.CACHES = {"default": cache | {"KEY_PREFIX": uuid.uuid4().hex}}


class Caller:
    """An application with a credential of its own account."""

    def __init__(self, name, **fields):
        self.account = Account.objects.create(name=name, requests_per_second=10_000)
        self.credential, self.secret = self.make(name, **fields)
        self.client = APIClient(raise_request_exception=False)

    def make(self, name="another", **fields):
        return create_credential(self.account, name, **{"scopes": EVERYTHING} | fields)

    def call(self, method, path, body=None, *, name=None, secret=None, **extra):
        """Ask for a path below the account; `name` and `secret` are its own unless given."""
        token = {"HTTP_AUTHORIZATION": f"Bearer {self.secret if secret is None else secret}"}
        return getattr(self.client, method)(
            f"/api/v0.1/{name or self.credential.username}/{path}", body, **token | extra
        )


@pytest.fixture
def alice(db):
    return Caller("Alice")


@pytest.fixture
def bob(db):
    return Caller("Bob")
