"""What a customer meets at the doors when the volume is used up: through real processes."""

import hashlib

import pytest

from cloudmta.testing import eventually
from messages.tests.submission_client import content, guest, make_domain, queued_id

pytestmark = pytest.mark.xdist_group("house")


class Customer:
    """An account of its own, with a verified domain and a credential."""

    def __init__(self, house, name, **account):
        self.house, self.name, self.domain = house, name, f"{name}.example"
        make_domain(house, self.domain, owner=name, verified=True)
        house.sql(
            "INSERT INTO domains_signingkey"
            " (domain_id, selector, public_key, encrypted_private_key, created_at)"
            " SELECT (SELECT id FROM domains_domain WHERE name = %s), selector, public_key,"
            " encrypted_private_key, now() FROM domains_signingkey LIMIT 1",
            self.domain,
        )
        ((self.username,),) = house.sql(
            "INSERT INTO accounts_credential (account_id, username, secret_hash, name, created_at)"
            " SELECT id, left(md5(%s || 'c'), 16), %s, 'Test', now() FROM accounts_account"
            " WHERE name = %s RETURNING username",
            name, hashlib.sha256(b"secret").hexdigest(), name,
        )  # fmt: skip
        self.set(**account)

    def set(self, **columns):
        for column, value in columns.items():
            self.house.sql(
                f"UPDATE accounts_account SET {column} = %s WHERE name = %s", value, self.name
            )

    def submit(self, *fields):
        """Return the reply to MAIL where that is no, or else the one to the final dot."""
        sender = f"shop@{self.domain}"
        with guest(self.house) as client:
            client.log_in(self.username, "secret")
            mail = client.say(f"MAIL FROM:<{sender}>")
            if not mail.startswith("250"):
                return mail
            client.say("RCPT TO:<delivered@sim.test>", "DATA")
            client.send(content(*fields, sender=sender) + b".\r\n")
            return client.read()

    def state_of(self, reply):
        (row,) = self.house.sql(
            "SELECT state, reply FROM mail_recipient WHERE message_id = %s", queued_id(reply)
        )
        return row


def test_what_is_beyond_the_allowance_is_taken_and_held(house):
    customer = Customer(house, "volume-small", allowance=2)

    first = customer.submit()
    eventually(lambda: customer.state_of(first)[0] == "delivered")
    second = customer.submit()  # 90 % of two is one

    eventually(lambda: customer.state_of(second)[0] == "held")
    assert customer.state_of(second)[1].startswith("Of the daily volume of 2 recipients, the last ")


def test_priority_mail_goes_out_of_what_is_kept_for_it(house):
    customer = Customer(house, "volume-urgent", allowance=2)
    first = customer.submit()
    eventually(lambda: customer.state_of(first)[0] == "delivered")

    urgent = customer.submit("x-cloudmta-class: priority")

    eventually(lambda: customer.state_of(urgent)[0] == "delivered")


def test_with_two_days_held_smtp_says_later_at_mail(house):
    customer = Customer(house, "volume-full", allowance=10, held=21)

    assert customer.submit() == "451 4.7.1 Daily volume limit 10 reached; resets 00:00 UTC"
    (refusal,) = eventually(
        lambda: house.sql(
            "SELECT cause FROM mail_refusal JOIN accounts_account a ON a.id = account_id"
            " WHERE a.name = 'volume-full' ORDER BY mail_refusal.id LIMIT 1"
        )
    )
    assert refusal == ("volume_limit",)


def test_a_paused_account_is_put_off_after_the_dot_but_for_priority(house):
    customer = Customer(house, "volume-paused", allowance=15, standing=4)

    assert customer.submit().startswith("451 4.7.1 Sending of standard mail is paused")
    assert customer.submit("x-cloudmta-class: priority").startswith("250 Thanks!")
    assert customer.submit("x-cloudmta-test: true").startswith("250 Thanks!")
