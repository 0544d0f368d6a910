import email
import email.policy

import pytest
from django.core.mail import EmailMessage, send_mail
from django.utils import timezone

from accounts.mail import NotSent
from accounts.message_class import MessageClass
from domains.models import Domain
from messages.models import Content, Door, Message, Recipient
from messages.tests.factories import AccountFactory

SENDER = "CloudMTA <no-reply@ops.example>"


@pytest.fixture(autouse=True)
def backend(settings):
    settings.EMAIL_BACKEND = "messages.own_mail.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = SENDER


@pytest.fixture
def operator(db):
    account = AccountFactory(name="Operator")
    Domain.objects.create(account=account, name="ops.example", verified_at=timezone.now())
    return account


def send(**fields):
    return EmailMessage(**{"subject": "Hello", "body": "Text", "to": ["carol@x.example"]} | fields)


class TestBackend:
    def test_it_is_accepted_under_the_domain_of_its_sender_ahead_of_all(self, operator):
        assert send().send() == 1

        message = Message.objects.get()
        assert message.account == operator
        assert (message.door, message.message_class) == (Door.OWN, MessageClass.PRIORITY)
        assert message.reverse_path == "no-reply@ops.example"
        assert message.credential is None
        assert not message.is_test

    def test_machines_see_that_a_machine_wrote_it(self, operator):
        send(body="Grüße\n.\nhttps://x.example/" + "a" * 200).send()

        data = bytes(Content.objects.get().data)
        letter = email.message_from_bytes(data, policy=email.policy.default)
        assert letter["Auto-Submitted"] == "auto-generated"
        assert letter["From"] == SENDER
        assert "Grüße\n.\nhttps://x.example/" + "a" * 200 in "\n".join(
            letter.get_content().splitlines()
        )
        assert b"\n" not in data.replace(b"\r\n", b"")

    def test_everybody_is_a_recipient_and_bcc_is_seen_by_none(self, operator):
        send(cc=["dave@x.example"], bcc=["erin@x.example"]).send()

        assert Recipient.objects.count() == 3
        assert b"erin" not in bytes(Content.objects.get().data)

    def test_neither_test_mode_nor_a_suspension_holds_it_back(self, operator):
        type(operator).objects.update(is_test=True, suspended_for="Too many bounces")

        send().send()

        assert not Message.objects.get().is_test

    @pytest.mark.parametrize(
        ("sender", "words"),
        [
            ("", "MAIL_FROM is no address"),
            ("nobody", "MAIL_FROM is no address"),
            ("a@elsewhere.example", "elsewhere.example is not a verified domain"),
        ],
    )
    def test_a_sender_that_is_not_set_up_is_said(self, operator, settings, sender, words):
        settings.DEFAULT_FROM_EMAIL = sender

        with pytest.raises(NotSent, match=words):
            send().send()
        assert not Message.objects.exists()

    def test_an_unverified_domain_sends_nothing(self, operator):
        Domain.objects.update(verified_at=None)

        with pytest.raises(NotSent, match="is not a verified domain"):
            send().send()

    def test_what_we_refuse_to_others_we_refuse_to_ourselves(self, operator):
        with pytest.raises(NotSent, match="it was refused"):
            send(to=["carol@[192.0.2.1]"]).send()

    def test_nobody_is_nothing_to_do(self, operator):
        assert send_mail("Hello", "Text", None, []) == 0
