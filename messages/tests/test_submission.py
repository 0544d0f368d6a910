"""The submission door, up to the content: greeting, TLS, log-in, envelope. Every process real."""

import re
import smtplib
import time

import pytest

from cloudmta.testing import House, eventually
from messages.tests.submission_client import (
    ALICE,
    QUEUED,
    Books,
    Client,
    alice,
    content,
    guest,
    make_credential,
    open_books,
    plain,
    queued_id,
)

pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture
def books(house: House) -> Books:
    return open_books(house)


class TestGreeting:
    @pytest.mark.parametrize("tls", [False, True])
    def test_it_names_the_host_and_nothing_else(self, house, tls):
        with Client(house, tls=tls) as client:
            assert client.read() == "220 mta.cloudmta.test ESMTP"

    def test_before_tls_it_offers_tls_and_no_log_in(self, house):
        with Client(house) as client:
            client.read()
            assert client.say("EHLO me").split("\r\n") == [
                "250-mta.cloudmta.test",
                "250-SIZE 10485760",
                "250-8BITMIME",
                "250-PIPELINING",
                "250-SMTPUTF8",
                "250 STARTTLS",
            ]

    @pytest.mark.parametrize("tls", [False, True])
    def test_under_tls_it_offers_the_log_in(self, house, tls):
        with guest(house, tls=tls) as client:
            assert client.say("EHLO me").split("\r\n") == [
                "250-mta.cloudmta.test",
                "250-SIZE 10485760",
                "250-8BITMIME",
                "250-PIPELINING",
                "250-SMTPUTF8",
                "250 AUTH PLAIN LOGIN",
            ]

    def test_what_was_said_before_tls_is_forgotten(self, house):
        with Client(house) as client:
            client.read()
            client.say("EHLO me")
            client.start_tls()

            assert client.say(f"MAIL FROM:<{ALICE}>") == "503 5.5.1 Send EHLO first"

    def test_octets_behind_starttls_end_the_session(self, house):
        with Client(house) as client:
            client.read()
            client.say("EHLO me")
            client.send(b"STARTTLS\r\nRSET\r\n")

            assert client.read() == "554 5.5.0 Improper pipelining"
            assert client.read() == ""


class TestLogIn:
    def test_never_in_clear_text(self, house):
        with Client(house) as client:
            client.read()
            client.say("EHLO me")

            assert client.say(f"MAIL FROM:<{ALICE}>") == "530 5.7.0 Must issue STARTTLS first"
            assert client.log_in() == (
                "538 5.7.11 Encryption required for requested authentication mechanism"
            )

    @pytest.mark.parametrize("tls", [False, True])
    def test_no_mail_without_it(self, house, tls):
        with guest(house, tls=tls) as client:
            assert client.say(f"MAIL FROM:<{ALICE}>") == "530 5.7.0 Authentication required"

    @pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
    def test_both_mechanisms(self, house, mechanism):
        with house.smtp(log_in=False) as client:
            client.user, client.password = house.demo["smtp_username"], house.demo["smtp_password"]
            name = mechanism.removeprefix("auth_").upper()

            assert client.auth(name, getattr(client, mechanism))[0] == 235

    @pytest.mark.parametrize(
        ("username", "password"),
        [("", "wrong"), ("nobodyofthisname", "wrong"), ("00000000revoked0", "secret")],
    )
    def test_who_fails_is_told_the_same_and_late(self, house, username, password):
        if username == "00000000revoked0":
            make_credential(house, username, password, revoked=True)
        # From addresses of their own: each failure of one makes its next one slower.
        with guest(house, source=f"127.0.2.{len(username + password)}") as client:
            started = time.monotonic()
            reply = client.log_in(username, password)

            assert reply == "535 5.7.8 Authentication credentials invalid"
            assert time.monotonic() - started >= 1
            assert client.log_in() == "235 2.7.0 Authentication successful"

    def test_a_failure_is_written_down_without_the_password(self, house):
        with guest(house, source="127.0.2.100") as client:
            client.log_in("nobody\r\nforged", "canary-in-the-log")

        eventually(lambda: "127.0.2.100 failed" in house.log("submission"))
        assert "canary-in-the-log" not in house.log("submission")
        assert "\nforged" not in house.log("submission")

    def test_where_and_by_whom_a_credential_is_used_is_noted(self, house):
        make_credential(house, "00000000used0000", "secret")
        with guest(house, source="127.0.2.99") as client:
            client.log_in("00000000used0000", "secret")

        (used,) = eventually(
            lambda: house.sql(
                "SELECT host(last_used_from), last_used_by FROM accounts_credential"
                " WHERE username = '00000000used0000' AND last_used_at IS NOT NULL"
            )
        )
        assert used == ("127.0.2.99", "client.example")

    def test_what_changes_counts_for_sessions_that_go_on(self, house, books):
        make_credential(house, "0000000soongone0", "secret")
        limit = "UPDATE accounts_account SET max_message_size = %s WHERE name = 'Demo'"
        with guest(house) as client, alice(house) as other:
            client.log_in("0000000soongone0", "secret")
            assert client.say(f"MAIL FROM:<{ALICE}>", "RSET") == "250 2.0.0 Ok"
            house.sql(
                "UPDATE accounts_credential SET revoked_at = now() WHERE username = %s",
                "0000000soongone0",
            )
            house.sql(limit, 20_000_000)
            revoked = "535 5.7.8 The credential was revoked"

            eventually(lambda: client.say("RSET", f"MAIL FROM:<{ALICE}>") == revoked)
            assert client.say(f"MAIL FROM:<{ALICE}>") == revoked
            large = content(body=("x" * 98 + "\r\n") * 110_000)
            assert other.submit(large, "anyone@nullmx.sim.test").startswith("250 ")
            house.sql(limit, 10 * 1024 * 1024)
            # Every process of the door must know again, for the tests that follow.
            eventually(lambda: all(knows_the_limit(house) for _ in range(8)))
        mine = [one for one in books.new_refusals(2) if one[0] == revoked]
        assert mine == [(revoked, ALICE, [])] * 2


def knows_the_limit(house):
    with alice(house) as client:
        return client.say(f"MAIL FROM:<{ALICE}> SIZE=10485761").startswith("552 ")


class TestSession:
    def test_the_reply_to_the_dot_is_this_line_and_no_other(self, house):
        with alice(house) as client:
            client.begin("delivered@sim.test")
            client.send(content() + b".\r\nNOOP\r\n")

            first, second = client.read(), client.read()

        assert re.fullmatch(QUEUED, first)
        assert second == "250 2.0.0 Ok"
        assert house.sql("SELECT 1 FROM mail_message WHERE id = %s", queued_id(first))

    def test_it_takes_message_after_message(self, house, books):
        with alice(house, tls=True) as client:
            replies = {client.submit(content()) for _ in range(5)}

        assert len(replies) == books.new_messages() == 5

    def test_a_reset_forgets_the_envelope(self, house):
        with alice(house) as client:
            client.say(f"MAIL FROM:<{ALICE}>", "RCPT TO:<delivered+old@sim.test>", "RSET")
            message_id = queued_id(client.submit(content(), "delivered+new@sim.test"))

        rows = house.sql("SELECT address FROM mail_recipient WHERE message_id = %s", message_id)
        assert rows == [("delivered+new@sim.test",)]

    def test_an_envelope_may_come_at_once(self, house):
        with alice(house) as client:
            client.send(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<a@sim.test>\r\nDATA\r\n".encode())
            assert [client.read()[:3] for _ in range(3)] == ["250", "250", "354"]

            client.send(content() + b".\r\nRSET\r\nQUIT\r\n")
            assert [client.read()[:3] for _ in range(3)] == ["250", "250", "221"]

    def test_a_log_in_may_be_pipelined_with_an_envelope(self, house):
        with guest(house) as client:
            secret = plain(house.demo["smtp_username"], house.demo["smtp_password"])
            client.send(f"AUTH PLAIN {secret}\r\nMAIL FROM:<{ALICE}>\r\nRSET\r\n".encode())

            assert [client.read()[:3] for _ in range(3)] == ["235", "250", "250"]

    def test_a_standard_client_is_served(self, house):
        with house.smtp() as client:
            refused = client.sendmail(ALICE, ["delivered@sim.test", "x@[127.0.0.1]"], content())

        assert list(refused) == ["x@[127.0.0.1]"]

    def test_a_standard_client_raises_what_we_say(self, house):
        with house.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused) as caught:
            client.sendmail("bob@bobs.example", ["delivered@sim.test"], content())

        assert caught.value.smtp_error == b"5.7.1 Sender domain bobs.example is not verified"
