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
    def test_what_is_no_address_is_a_syntax_error_that_the_customer_sees(self, house, books, path):
        bad_recipient = "501 5.1.3 Bad recipient address syntax"
        bad_sender = "501 5.1.7 Bad sender address syntax"
        with alice(house) as client:
            assert client.say(f"MAIL FROM:<{ALICE}>", f"RCPT TO:{path}") == bad_recipient
            assert client.say("RSET", f"MAIL FROM:{path}") == bad_sender

            assert books.new_refusals(2) == [(bad_recipient, ALICE, [path]), (bad_sender, path, [])]

    def test_a_size_beyond_the_limit_is_refused_before_the_content(self, house, books):
        reply = "552 5.3.4 Message too big (limit 10485760 bytes)"
        with alice(house) as client:
            assert client.say(f"MAIL FROM:<{ALICE}> SIZE=10485761") == reply

            assert books.new_refusals() == [(reply, ALICE, [])]

    def test_who_repeats_recipients_without_end_is_shown_the_door(self, house, books):
        with alice(house) as client:
            lines = [f"MAIL FROM:<{ALICE}>"] + [f"RCPT TO:<{MANY[0]}>"] * 1051
            client.send("".join(f"{line}\r\n" for line in lines).encode())
            replies = [client.read() for _ in lines]

            assert replies[:1001] == ["250 2.1.0 Sender ok"] + ["250 2.1.5 Recipient ok"] * 1000
            assert replies[1001:-1] == ["452 4.5.3 Too many RCPT commands"] * 50
            assert replies[-1] == "421 4.7.0 Too many errors"

    def test_the_21st_recipient_is_one_too_many(self, house, books):
        with alice(house) as client:
            client.say(f"MAIL FROM:<{ALICE}>")
            replies = [client.say(f"RCPT TO:<{one}>") for one in MANY]
            nothing = "554 5.5.3 Too many recipients; nothing was sent"

            assert replies[:20] == ["250 2.1.5 Recipient ok"] * 20
            assert replies[20:] == ["550 5.5.3 Too many recipients (max 20)"]
            assert client.say("DATA") == nothing
            assert books.new_refusals() == [(replies[20], ALICE, MANY)]
            assert books.new_messages() == 0
            # The next message begins anew.
            assert re.fullmatch(QUEUED, client.submit(content(), *MANY[:20]))

    def test_a_client_that_gives_up_at_the_21st_leaves_its_refusal_too(self, house, books):
        with alice(house) as client:
            client.say(f"MAIL FROM:<{ALICE}>", *(f"RCPT TO:<{one}>" for one in MANY))
            client.say("RCPT TO:<delivered+more@sim.test>")
            # One for the list, not one for each that is too many.
            client.say("RSET", "MAIL FROM:<bob@bobs.example>")

            first, second = books.new_refusals(2)
        assert first == ("550 5.5.3 Too many recipients (max 20)", ALICE, MANY)
        assert second[1] == "bob@bobs.example"

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
