"""Letters for tests, and how their contents read to others."""

import email
import email.policy

from domains.addresses import Mailbox
from messages import composer, header
from messages.letters.letter import Letter

ALICE = Mailbox("Alice", "alice", "alices.example")
CAROL = Mailbox("", "carol", "example.net")


def compose(**fields) -> bytes:
    given_fields = {"author": ALICE, "to": [CAROL], "plain": "Hello"} | fields
    return composer.compose(Letter(**given_fields))


def read(content: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def values(content: bytes, name: bytes) -> list[str]:
    return [field.text for field in header.find(header.split(content)[0], name)]


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def octets(part: email.message.EmailMessage) -> bytes:
    return part.get_payload(decode=True)
