"""What a submission may ask for by SMTP, and who may ask: through the real door, to the end."""

import json

import pytest

from cloudmta.testing import House, eventually
from messages.tests.submission_client import (
    ALICE,
    alice,
    content,
    guest,
    make_credential,
    queued_id,
)

pytestmark = pytest.mark.xdist_group("house")


def make(house: House, username: str, **fields: object) -> str:
    """Make a credential with these columns, and return its secret."""
    make_credential(house, username, "secret")
    for name, value in fields.items():
        house.sql(
            f"UPDATE accounts_credential SET {name} = %s WHERE username = %s", value, username
        )
    return "secret"


def states(house: House, message_id: str) -> list[str]:
    rows = house.sql(
        "SELECT state FROM mail_recipient WHERE message_id = %s ORDER BY id", message_id
    )
    return [state for (state,) in rows]


def kinds(house: House, message_id: str) -> list[tuple[str, bool]]:
    return house.sql(
        "SELECT kind, is_test FROM events_event WHERE message_id = %s ORDER BY id", message_id
    )


class TestKey:
    def test_the_same_message_twice_is_one_message(self, house):
        fields = "x-cloudmta-idempotency-key: order-1"
        with alice(house) as client:
            first = client.submit(content(fields), "delivered+key@sim.test")
            second = client.submit(content(fields), "delivered+key@sim.test")

        assert first == second

    def test_another_message_under_the_same_key_is_refused(self, house):
        fields = "x-cloudmta-idempotency-key: order-2"
        with alice(house) as client:
            client.submit(content(fields), "delivered+key2@sim.test")
            answer = client.submit(content(fields), "delivered+other@sim.test")

        assert answer.startswith("554 5.5.0 This idempotency key was used for another request")

    def test_two_at_the_same_moment_are_one_message(self, house):
        before = house.sql("SELECT count(*) FROM mail_message")[0][0]
        with alice(house) as first, alice(house) as second:
            for number in range(50):
                text = content(f"x-cloudmta-idempotency-key: race-{number}") + b".\r\n"
                for client in (first, second):
                    assert client.begin("delivered+race@sim.test").startswith("354 ")
                first.send(text)
                second.send(text)
                taken, *others = sorted([first.read(), second.read()])

                assert taken.startswith("250 ")
                assert others[0] == taken or others[0].startswith("451 4.5.0 ")
        assert house.sql("SELECT count(*) FROM mail_message")[0][0] - before == 50


class TestTestMode:
    @pytest.mark.parametrize(
        ("local_part", "expected"),
        [
            ("delivered", ["delivery"]),
            ("bounced", ["bounce"]),
            ("late-bounce", ["delivery", "bounce"]),
            ("complained", ["delivery", "complaint"]),
            ("auto-reply", ["delivery"]),
        ],
    )
    def test_a_test_is_simulated_and_delivered_nowhere(self, house, local_part, expected):
        to = f"{local_part}+testmode@sim.test"
        accepted = "SELECT coalesce(sum(count), 0) FROM events_tally WHERE tag = 'for-test'"
        with alice(house) as client:
            fields = "x-cloudmta-test: true\r\nx-cloudmta-tags: for-test"
            message_id = queued_id(client.submit(content(fields), to))

        eventually(lambda: kinds(house, message_id) == [(kind, True) for kind in expected])
        assert not house.sql("SELECT FROM events_suppression WHERE address = %s", to)
        assert house.sql(accepted) == [(0,)]
        assert not house.received(to)

    def test_a_test_credential_sends_tests_alone(self, house):
        make(house, "00000000000test0", is_test=True)
        with guest(house) as client:
            client.log_in("00000000000test0", "secret")
            message_id = queued_id(client.submit(content(), "delivered+testonly@sim.test"))

        eventually(lambda: kinds(house, message_id) == [("delivery", True)])
        assert not house.received("delivered+testonly@sim.test")


def test_metadata_comes_back_in_the_event(house):
    with alice(house) as client:
        fields = 'x-cloudmta-metadata: {"order": "4711"}'
        message_id = queued_id(client.submit(content(fields), "delivered+meta@sim.test"))

    (row,) = eventually(
        lambda: house.sql(
            "SELECT metadata::text FROM events_event WHERE message_id = %s", message_id
        )
    )
    assert json.loads(row[0]) == {"order": "4711"}


def test_a_suppressed_address_is_blocked_and_the_books_add_up(house):
    house.sql(
        "INSERT INTO events_suppression (account_id, address, reason, note, created_at)"
        " SELECT account_id, 'delivered+suppressed@sim.test', 'manual', '', now()"
        " FROM accounts_credential WHERE username = %s",
        house.demo["smtp_username"],
    )
    with alice(house) as client:
        message_id = queued_id(client.submit(content(), "Delivered+Suppressed@sim.test"))

    eventually(lambda: states(house, message_id) == ["blocked"])
    assert kinds(house, message_id) == [("blocked", False)]
    assert not house.received("Delivered+Suppressed@sim.test")


class TestRecipients:
    MANY = [f"delivered+many{number}@sim.test" for number in range(21)]

    def test_a_relay_is_asked_to_split_and_the_first_twenty_get_it(self, house):
        make(house, "0000000000relay0", is_relay=True)
        with guest(house) as client:
            client.log_in("0000000000relay0", "secret")
            client.say(f"MAIL FROM:<{ALICE}>", *(f"RCPT TO:<{to}>" for to in self.MANY[:20]))
            last = client.say(f"RCPT TO:<{self.MANY[20]}>")
            begun = client.say("DATA")
            client.send(content() + b".\r\n")
            message_id = queued_id(client.read())

        assert last == "452 4.5.3 Too many recipients (max 20)"
        assert begun.startswith("354 ")
        assert len(states(house, message_id)) == 20


class TestStanding:
    def test_a_credential_limited_to_domains_keeps_to_them(self, house):
        make(house, "00000000limited0", domains=["elsewhere.example"])
        with guest(house) as client:
            client.log_in("00000000limited0", "secret")
            answer = client.say(f"MAIL FROM:<{ALICE}>")

        assert answer.startswith("550 5.7.1 This credential may not send under the domain")

    def test_a_credential_that_may_not_send_is_told_so_at_once(self, house):
        make(house, "0000000readonly0", scopes=["read"])
        with guest(house) as client:
            answer = client.log_in("0000000readonly0", "secret")

        assert answer == "550 5.7.1 This credential may not send; give it the scope send"

    def test_a_suspended_account_is_told_why(self, house):
        make(house, "000000suspended0")
        house.sql(
            "WITH made AS (INSERT INTO accounts_account"
            " (public_id, name, max_message_size, suspended_for, created_at)"
            " VALUES ('00000000suspende', 'Suspended', 1, 'too many bounces', now())"
            " RETURNING id) UPDATE accounts_credential SET account_id = made.id FROM made"
            " WHERE username = '000000suspended0'"
        )
        with guest(house) as client:
            answer = client.log_in("000000suspended0", "secret")

        assert answer == "525 5.7.13 Account suspended: too many bounces"

    def test_a_secret_before_a_rotation_is_good_for_its_time(self, house):
        secret = make(house, "000000rotating00")
        house.sql(
            "UPDATE accounts_credential SET previous_secret_hash = secret_hash,"
            " previous_secret_until = now() + interval '1 hour', secret_hash = 'new'"
            " WHERE username = '000000rotating00'"
        )
        with guest(house) as client:
            assert client.log_in("000000rotating00", secret).startswith("235 ")

    def test_a_revoked_credential_is_out_at_its_next_message(self, house):
        make(house, "000000revoking00")
        with guest(house) as client:
            client.log_in("000000revoking00", "secret")
            assert client.say(f"MAIL FROM:<{ALICE}>", "RSET").startswith("250 ")
            house.sql(
                "UPDATE accounts_credential SET revoked_at = now()"
                " WHERE username = '000000revoking00'"
            )
            house.sql(
                "SELECT pg_notify('accounts', account_id::text) FROM accounts_credential"
                " WHERE username = '000000revoking00'"
            )
            answer = "535 5.7.8 The credential was revoked"

            # Far sooner than what a process keeps would grow old.
            eventually(lambda: client.say("RSET", f"MAIL FROM:<{ALICE}>") == answer, seconds=3)

    def test_too_many_messages_a_second_are_put_off(self, house):
        make(house, "00000000000fast0")
        house.sql(
            "WITH made AS (INSERT INTO accounts_account"
            " (public_id, name, max_message_size, messages_per_second, created_at)"
            " VALUES ('000000000000fast', 'Fast', 1000, 1, now())"
            " RETURNING id) UPDATE accounts_credential SET account_id = made.id FROM made"
            " WHERE username = '00000000000fast0'"
        )
        with guest(house) as client:
            client.log_in("00000000000fast0", "secret")
            answers = [client.say(f"MAIL FROM:<{ALICE}>") for _ in range(2)]

        # The first is not its own domain, which is asked after the pace.
        assert answers[0].startswith("550 5.7.1 ")
        assert answers[1] == "450 4.7.1 Rate limit, slow down"


def test_a_size_that_is_announced_too_large_leaves_a_trace(house):
    newest = "SELECT coalesce(max(id), 0) FROM mail_refusal"
    ((before,),) = house.sql(newest)
    with alice(house) as client:
        answer = client.say(f"MAIL FROM:<{ALICE}> SIZE=99999999")

    assert answer == "552 5.3.4 Message too big (limit 10485760 bytes)"
    row = eventually(
        lambda: house.sql("SELECT reverse_path, cause FROM mail_refusal WHERE id > %s", before)
    )
    assert row == [(ALICE, "too_big")]
