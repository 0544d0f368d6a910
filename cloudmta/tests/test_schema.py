"""The API keeps to its own description, whatever it is asked (Schemathesis, in this process)."""

import zlib

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.authentication import create_credential
from accounts.models import Scope
from cloudmta.wsgi import application
from domains import sending_domains
from events import verdicts, webhooks
from events.models import Suppression
from events.poster import Answer
from messages.models import State
from messages.tests.factories import (
    AccountFactory,
    AttemptFactory,
    EventFactory,
    MessageFactory,
    RecipientFactory,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EVERYTHING = [scope.value for scope in Scope]


@pytest.fixture
def world(db):
    """Alice's account with one of everything, and what its things are called."""
    account = AccountFactory(requests_per_second=1_000_000)
    credential, secret = create_credential(account, "schema", scopes=EVERYTHING)
    other, _ = create_credential(account, "other")
    message = MessageFactory(account=account, credential=credential, content=b"Subject: x\r\n\r\n")
    recipient = RecipientFactory(message=message, state=State.DELIVERED)
    AttemptFactory(recipient=recipient)
    webhook, _ = webhooks.create(account, "https://127.0.0.1:1025/")
    post = verdicts.logged(webhook, {"webhook-id": "evt_0"}, Answer(200, 0.1), timezone.now())
    post.save(force_insert=True)
    suppression = Suppression.objects.create(
        account=account, address="carol@example.net", reason=Suppression.Reason.MANUAL
    )
    return {
        "name": credential.username,
        "secret": secret,
        "username": other.username,
        "message_id": str(message.id),
        "event_id": str(EventFactory(message=message).id),
        "webhook_id": str(webhook.id),
        "post_id": str(post.id),
        "address": suppression.address,
        "public_id": sending_domains.add(account, "alices.example", "mta").public_id,
    }


@pytest.fixture
def transaction(db):
    """As Django's own test client does: a request's end must not close the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


OPERATIONS = [
    found.ok()
    for found in schemathesis.openapi.from_wsgi("/api/schema", application).get_all_operations()
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_is_answered_as_the_schema_does_not_say(operation, world, transaction):
    is_verification = operation.path.endswith("/verify")

    @settings(
        max_examples=40, derandomize=True, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy())
    def ask(case):
        for name, generated in case.path_parameters.items():
            # Every other request is about something that there is; there is no DNS to verify it.
            is_known = zlib.crc32(repr(generated).encode()) % 2 and not is_verification
            if name == "name" or (name in world and is_known):
                case.path_parameters[name] = world[name]
        case.call_and_validate(headers=token_of(world), checks=CHECKS)

    ask()


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.method == "get"],
    ids=lambda operation: operation.label,
)
def test_what_there_is_is_shown_as_the_schema_says(operation, world, transaction):
    names = [name for name in world if f"{{{name}}}" in operation.path]
    case = operation.Case(path_parameters={name: world[name] for name in names})

    response = case.call_and_validate(headers=token_of(world), checks=CHECKS)

    assert response.status_code == 200, response.text


def token_of(world):
    return {"Authorization": f"Bearer {world['secret']}"}
