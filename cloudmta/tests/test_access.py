"""Every page there is, tried by who must not see it: logged out, of another account, a viewer."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts import authentication, contact, invitations
from accounts.models import Membership
from accounts.tests.addresses import addresses, filled
from accounts.tests.people import Shop, is_sure
from accounts.volume import RampUpRequest
from domains import sending_domains
from events import suppression_import, webhooks
from events.identifiers import new_id
from events.models import WebhookBatch, WebhookPost
from messages.tests.factories import AccountFactory, MessageFactory, RecipientFactory, UserFactory

pytestmark = pytest.mark.django_db

CONTENT = (
    b"From: shop@alices.example\r\nSubject: Hi\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n"
)
# Anybody may look at these: the doors, the documentation, what is signed by its own link.
FOR_ALL = {
    "favicon", "metrics", "account_login", "log-in", "account_signup", "account_inactive",
    "account_email_verification_sent", "account_confirm_email", "account_reset_password",
    "account_reset_password_done", "account_reset_password_from_key",
    "account_reset_password_from_key_done", "mfa_authenticate", "mfa_login_webauthn", "theme",
    "invitation", "domain-shared", "domain-shared-file", "unsubscribe", "ca-certificate", "docs",
    "docs-page", "api-schema", "api-docs", "api-errors", "status", "look-end", "account_logout",
    "log-out",
}  # fmt: skip
# What a viewer may do: it concerns the one who does it, or asks staff.
OF_VIEWERS = {
    "account-switch", "account-new", "time-zone", "contact", "contact-thread", "team-remove",
    "account_reauthenticate", "account_email", "account_change_password",
}  # fmt: skip
PAGES = {
    name: route
    for name, route in addresses()
    if name and name not in FOR_ALL and not route.startswith(("api/", "t/"))
}


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def things(shop):
    """One of each of Alice's things, by the part of a route that names it."""
    message = MessageFactory(account=shop.account, content=CONTENT)
    RecipientFactory(message=message)
    webhook, _ = webhooks.create(shop.account, "https://alices.example/hook")
    batch = WebhookBatch.objects.create(
        id=new_id(), webhook=webhook, event_ids=[], message_ids=[],
        state=WebhookBatch.State.DELIVERED,
    )  # fmt: skip
    post = WebhookPost.objects.create(
        id=new_id(), webhook=webhook, batch=batch, attempt=1, started_at=timezone.now(),
        duration=timedelta(seconds=1), url=webhook.url, event_count=0, response_status=204,
        request_headers={},
    )  # fmt: skip
    credential, _ = authentication.create_credential(shop.account, "Web shop")
    shop.account.suppressions.create(address="carol@example.net", reason="manual")
    invitation = invitations.invite(
        shop.account, "erin@example.net", Membership.Role.VIEWER, shop.alice
    )
    request = RampUpRequest.objects.create(
        account=shop.account, asked_by="alice", amount=9_000_000, before=1, question="Why?"
    )
    return {
        "invitations/<int:number>": f"invitations/{invitation.pk}",
        "members/<int:number>": f"members/{shop.membership(shop.admin).pk}",
        "contact/<int:number>": f"contact/{contact.ask(shop.account, shop.alice, 'A', 'B').pk}",
        "import/<int:number>": "import/"
        + str(suppression_import.begin(shop.account, b"erin@example.net").pk),
        "suppressions/<int:number>": f"suppressions/{shop.account.suppressions.get().pk}",
        "<int:request_id>": request.pk,
        "<uuid:message_id>": message.id,
        "<uuid:webhook_id>": webhook.pk,
        "<uuid:post_id>": post.pk,
        "<str:username>": credential.username,
        "domains/<slug:public_id>": "domains/"
        + sending_domains.add(shop.account, "shop.alices.example").public_id,
    }


def of_one(things):
    """The pages that are about one thing, and their addresses."""
    return {
        name: filled(route, things)
        for name, route in PAGES.items()
        if any(part in route for part in things)
    }


def test_who_is_logged_out_is_asked_to_log_in(client):
    log_in = reverse("log-in")
    passed = [
        (name, method)
        for name, route in PAGES.items()
        for method in ("get", "post")
        if not getattr(client, method)(filled(route)).headers.get("Location", "").startswith(log_in)
        and getattr(client, method)(filled(route)).status_code != 405
    ]

    assert passed == []


def test_the_things_of_another_account_are_not_found(client, shop, things):
    client.force_login(UserFactory(email="bob@bobs.example", account=AccountFactory()))
    is_sure(client)
    found = [
        (name, method, answer.status_code)
        for name, address in of_one(things).items()
        for method in ("get", "post")
        if (answer := getattr(client, method)(address)).status_code not in (404, 405)
    ]

    assert found == []


def test_their_own_account_finds_them(client, shop, things):
    client.force_login(shop.alice)
    is_sure(client)
    missing = [
        name
        for name, address in of_one(things).items()
        if client.get(address).status_code not in (200, 302, 405)
    ]

    # This content has none.
    assert missing == ["message-attachment"]
    assert len(of_one(things)) > 30


def test_a_viewer_changes_nothing(client, shop, things):
    client.force_login(shop.viewer)
    is_sure(client)
    files = {"file": SimpleUploadedFile("list.csv", b"email\nx@example.net\n")}
    passed = [
        (name, answer.status_code)
        for name, route in PAGES.items()
        if name not in OF_VIEWERS and not name.startswith(("mfa_", "usersessions_"))
        if (answer := client.post(filled(route, things), files)).status_code not in (403, 405)
    ]

    assert passed == []
    assert shop.account.suppressions.count() == 1
