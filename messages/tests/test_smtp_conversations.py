"""Our two sides of SMTP, talking to each other in memory."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.client import ClientSession, Letter, Ready, Settled, Tls, Transaction, Unusable
from messages.smtp.server import ServerConfig
from messages.tests.client_driver import HOSTNAME, verdict
from messages.tests.smtp_driver import Door, Message, cut

SERVERS = [
    ServerConfig("mx.example.net", 10**6, max_line=None),
    ServerConfig("mx.example.net", 10**6, max_line=None, pipelining=False, smtputf8=False),
    ServerConfig("mx.example.net", 10**6, max_line=None, eightbitmime=False),
]


class Conversation:
    """A client and a server; what one says reaches the other in pieces of any size."""

    def __init__(self, config: ServerConfig, seed: int) -> None:
        self.client = ClientSession(HOSTNAME, Tls.NEVER, lambda: 0.0)
        self.door = Door(config)
        self.settled: list[Transaction] = []
        self.random = random.Random(seed)
        self.waiting: list[Transaction] = []

    def send(self, *transactions: Transaction) -> None:
        """Talk until nobody has anything left to say."""
        self.waiting = list(transactions)
        answer = self.door.session.take_output()
        while answer:
            for piece in self.pieces(answer):
                for event in self.client.receive(piece):
                    self.take(event)
                self.begin()
            answer = b"".join(map(self.answer, self.pieces(self.client.take_output())))

    def pieces(self, data: bytes) -> list[bytes]:
        places = [self.random.randrange(10**6) for _ in range(self.random.randrange(8))]
        return [piece for piece in cut(data, places) if piece]

    def answer(self, piece: bytes) -> bytes:
        return "".join(f"{line}\r\n" for line in self.door.send(piece)).encode()

    def take(self, event: object) -> None:
        assert not isinstance(event, Unusable), event
        if isinstance(event, Settled):
            self.settled.append(event.transaction)
        else:
            assert event == Ready()

    def begin(self) -> None:
        while self.waiting and self.client.can_begin:
            assert self.client.begin(self.waiting.pop(0)) is None


def test_fifty_messages_over_one_connection():
    for config in SERVERS:
        for seed in range(5):
            conversation = Conversation(config, seed)
            # Each fifth recipient is refused, each seventh sender.
            sent = [
                Transaction(
                    f"{number}@{'bobs' if number % 7 == 0 else 'alices'}.example",
                    f"{'nobody' if number % 5 == 0 else 'carol'}@{number}.example",
                    Letter.of(b"Subject: %d\r\n\r\n.\r\n..%d\r\n" % (number, number)),
                )
                for number in range(50)
            ]

            conversation.send(*sent)

            good = [n for n in range(50) if n % 5 and n % 7]
            assert conversation.settled == sent
            assert [n for n in range(50) if verdict(sent[n]).startswith("250 ")] == good
            assert conversation.door.messages == [
                Message(
                    f"{n}@alices.example",
                    (f"carol@{n}.example",),
                    b"Subject: %d\r\n\r\n.\r\n..%d\r\n" % (n, n),
                )
                for n in good
            ]
            assert conversation.client.abandon() == []


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.sampled_from([b".", b"\r\n", b"a", b"\xff", b"..", b"\r\n."]), max_size=40),
    st.sampled_from(SERVERS[:2]),
    st.integers(0, 1000),
)
def test_whatever_the_content_it_arrives_as_it_was(pieces, config, seed):
    # A header in front, so that 8-bit octets are in the body.
    content = b"Subject: x\r\n\r\n" + b"".join(pieces)
    conversation = Conversation(config, seed)

    conversation.send(Transaction("a@b.example", "c@d.example", Letter.of(content)))

    whole = content if content.endswith(b"\r\n") else content + b"\r\n"
    assert [message.content for message in conversation.door.messages] == [whole]


@pytest.mark.parametrize("content", [b"", b".", b"\r\n", b".\r\n", b"\r\n.\r\n", b"a\r\n.\r\nb"])
def test_not_even_a_content_without_header_is_cut_short(content):
    conversation = Conversation(SERVERS[0], 0)
    letters = [Letter.of(content), Letter.of(b"next\r\n")]

    conversation.send(*[Transaction("a@b.example", "c@d.example", letter) for letter in letters])

    first, second = (message.content for message in conversation.door.messages)
    assert first.removesuffix(b"\r\n") == content.removesuffix(b"\r\n")
    assert second == b"next\r\n"
