"""The submission door and the envelope: whom a message is from, whom it is for, what is written."""

import re

import pytest
from django.db import connection

from accounts.models import Account
from cloudmta.testing import House
from messages import desk
from messages.models import Door, Refusal
from messages.tests.submission_client import (
    ALICE,
    QUEUED,
    Books,
    alice,
    content,
    make_domain,
    open_books,
    queued_id,
)

pytestmark = pytest.mark.xdist_group("house")

MANY = [f"delivered+many{number}@sim.test" for number in range(21)]


@pytest.fixture
def books(house: House) -> Books:
    make_domain(house, "bobs.example", owner="Bob", verified=True)
    make_domain(house, "unverified.example", owner="Demo", verified=False)
    return open_books(house)


class TestEnvelope:
    @pytest.mark.parametrize(
        ("sender", "reply"),
        [
            ("bob@bobs.example", "550 5.7.1 Sender domain bobs.example is not verified"),
            ("a@unverified.example", "550 5.7.1 Sender domain unverified.example is not verified"),
            ("a@cloudmta.test", "550 5.7.1 Sender domain cloudmta.test is not verified"),
            ("", "550 5.7.1 The empty reverse-path <> cannot be used here; give a sender address"),
            ("a@[127.0.0.1]", "501 5.1.7 'a@[127.0.0.1]' is not an address"),
            ("a@localhost", "501 5.1.7 'localhost' is not a domain"),
        ],
    )  # fmt: skip
    def test_a_sender_that_is_not_ours_is_refused(self, house, books, sender, reply):
        with alice(house) as client:
            assert client.say(f"MAIL FROM:<{sender}>") == reply

            assert books.new_refusals() == [(reply, sender, [])]

    def test_a_refusal_tells_nothing_of_the_message_before(self, house, books):
        with alice(house) as client:
            queued_id(client.submit(content(), "delivered@sim.test"))
            client.say("MAIL FROM:<bob@bobs.example>")

            ((_, reverse_path, recipients),) = books.new_refusals()
            assert (reverse_path, recipients) == ("bob@bobs.example", [])

    def test_a_refusal_names_account_and_credential_and_no_secret(self, house, books):
        with alice(house) as client:
            client.say("MAIL FROM:<bob@bobs.example>")
        books.new_refusals()

        ((row, account, username, address),) = house.sql(
            "SELECT r::text, a.name, c.username, host(client_address) FROM mail_refusal r"
            " JOIN accounts_account a ON a.id = r.account_id"
            " JOIN accounts_credential c ON c.id = credential_id WHERE r.id > %s",
            books.refusal,
        )
        assert (account, username) == ("Demo", house.demo["smtp_username"])
        assert address == "127.0.0.1"
        assert house.demo["smtp_password"] not in row

    @pytest.mark.parametrize(
        ("recipient", "reply"),
        [
            ("x@[127.0.0.1]", "550 5.1.2 Address literals are not accepted; use a domain name"),
            ("x@[IPv6:::1]", "550 5.1.2 Address literals are not accepted; use a domain name"),
            ("x@localhost", "501 5.1.3 'localhost' is not a domain"),
            ("x@under_score.test", "501 5.1.3 'under_score.test' is not a domain"),
        ],
    )
    def test_a_recipient_whom_mail_cannot_reach_is_refused(self, house, books, recipient, reply):
        with alice(house) as client:
            assert client.say(f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{recipient}>") == reply

            assert books.new_refusals() == [(reply, ALICE, [recipient])]

    @pytest.mark.parametrize("path", ["<a b@sim.test>", "<@>", "a@sim.test", "<a@b@sim.test>"])
    def test_what_is_no_address_is_a_syntax_error(self, house, path):
        with alice(house) as client:
            reply = client.say(f"MAIL FROM:<{ALICE}>", f"RCPT TO:{path}")

            assert reply == "501 5.1.3 Bad recipient address syntax"

    def test_the_21st_recipient_is_one_too_many(self, house, books):
        with alice(house) as client:
            client.say(f"MAIL FROM:<{ALICE}>")
            replies = [client.say(f"RCPT TO:<{one}>") for one in MANY]
            nothing = "554 5.5.3 Too many recipients; nothing was sent"

            assert replies[:20] == ["250 2.1.5 Recipient ok"] * 20
            assert replies[20:] == ["550 5.5.3 Too many recipients (max 20)"]
            assert client.say("DATA") == nothing
            assert books.new_refusals() == [(nothing, ALICE, MANY[:20])]
            assert books.new_messages() == 0
            # The next message begins anew.
            assert re.fullmatch(QUEUED, client.submit(content(), *MANY[:20]))

    def test_a_client_that_pipelines_too_many_loses_none_unseen(self, house):
        with alice(house) as client:
            lines = [f"MAIL FROM:<{ALICE}>", *(f"RCPT TO:<{one}>" for one in MANY), "DATA"]
            client.send("".join(f"{line}\r\n" for line in lines).encode())

            assert [client.read()[:3] for _ in lines] == ["250"] * 21 + ["550", "554"]

    def test_a_recipient_given_twice_counts_once(self, house):
        twice = ["delivered+Twice@sim.test", "delivered+Twice@SIM.test"]
        with alice(house) as client:
            message_id = queued_id(client.submit(content(), *twice, *MANY[:19]))

        rows = house.sql("SELECT address FROM mail_recipient WHERE message_id = %s", message_id)
        assert sorted(address for (address,) in rows) == sorted(twice[:1] + MANY[:19])

    def test_the_case_of_a_local_part_makes_a_difference(self, house):
        with alice(house) as client:
            message_id = queued_id(
                client.submit(content(), "delivered+x@sim.test", "delivered+X@sim.test")
            )

        rows = house.sql("SELECT 1 FROM mail_recipient WHERE message_id = %s", message_id)
        assert len(rows) == 2


@pytest.mark.django_db(transaction=True)
def test_a_refusal_is_written_even_where_the_connection_had_died():
    account = Account.objects.create(name="Alice")
    connection.connection.close()

    desk._save(Refusal(account=account, door=Door.SMTP, reverse_path="", reply="550 No"))

    assert [str(refusal) for refusal in Refusal.objects.all()] == ["550 No"]
