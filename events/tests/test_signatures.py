from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook

from events import signatures
from events.identifiers import new_id
from events.webhooks import new_secret

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BODY = (
    b'{"events":[{"kind":"bounce","recipient":"user@example.net",'
    b'"message_id":"f78b876d-dd97-4e10-9a61-067f98044cc7","details":{}}]}'
)


def test_the_example_of_the_documentation():
    name = "evt_01JD0000000000000000000000"

    assert signatures.headers([SECRET], name, 1763820000, BODY) == {
        "webhook-id": name,
        "webhook-timestamp": "1763820000",
        "webhook-signature": "v1,nd1ERY89vU5gtMVj8HjZOXZds7sW80mZJRvPXPKnrj8=",
    }


def test_the_published_library_signs_the_same():
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for _ in range(20):
        secret, name = new_secret(), signatures.name_of(new_id())
        ours = signatures.headers([secret], name, int(now.timestamp()), BODY)

        assert ours["webhook-signature"] == Webhook(secret).sign(name, now, BODY.decode())


def test_two_secrets_make_two_signatures():
    other = new_secret()

    both = signatures.headers([SECRET, other], "evt_1", 1, BODY)["webhook-signature"]

    assert both.split(" ") == [
        signatures.headers([one], "evt_1", 1, BODY)["webhook-signature"] for one in (SECRET, other)
    ]


def test_a_name_is_a_ulid_and_grows_with_time():
    assert signatures.name_of(UUID(int=0)) == "evt_" + "0" * 26
    assert signatures.name_of(UUID(int=2**128 - 1)) == "evt_7" + "Z" * 25
    assert signatures.name_of(UUID(int=1 << 80)) < signatures.name_of(UUID(int=2 << 80))
