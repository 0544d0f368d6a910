"""Play the server to a client's session without a network: say lines, read what it answers."""

from messages.smtp.client import (
    ClientSession,
    Event,
    Letter,
    Settled,
    Tls,
    Transaction,
    Unusable,
)

HOSTNAME = "mta.example.com"
EXTENSIONS = ("PIPELINING", "SIZE 1000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
CONTENT = b"Subject: Hi\r\n\r\nHello\r\n"


def a_transaction(recipient: str = "carol@example.net", content: bytes = CONTENT) -> Transaction:
    return Transaction("bounces@mta.example.com", recipient, Letter.of(content))


def ehlo_reply(*extensions: str) -> list[str]:
    """Return the lines of a reply to EHLO."""
    lines = ["mx.example.net", *extensions]
    return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]


def verdict(transaction: Transaction) -> str:
    """Return the verdict as a line; there is one."""
    assert transaction.verdict
    return str(transaction.verdict)


class Talk:
    """A session, and all that happened in it."""

    def __init__(self, tls: Tls = Tls.NEVER) -> None:
        self.now = 0.0
        self.session = ClientSession(HOSTNAME, tls, lambda: self.now)
        self.events: list[Event] = []

    def hears(self, *lines: str) -> list[str]:
        """Let the server say some lines at once, and return what the session says then."""
        self.events += self.session.receive("".join(f"{line}\r\n" for line in lines).encode())
        return self.said()

    def said(self) -> list[str]:
        return self.session.take_output().decode("latin-1").split("\r\n")[:-1]

    def begins(self, transaction: Transaction) -> list[str]:
        assert self.session.can_begin
        settled = self.session.begin(transaction)
        self.events += [settled] if settled else []
        return self.said()

    @property
    def settled(self) -> list[Transaction]:
        return [event.transaction for event in self.events if isinstance(event, Settled)]

    @property
    def unusable(self) -> list[str]:
        """Why the server is of no more use, once for each time that we were told."""
        return [str(event.reply) for event in self.events if isinstance(event, Unusable)]


def a_greeted_talk(*extensions: str) -> Talk:
    """Return a session that may begin its first transaction."""
    talk = Talk()
    talk.hears("220 mx.example.net ESMTP")
    talk.hears(*ehlo_reply(*extensions))
    talk.events.clear()
    return talk


def a_pipelining_talk() -> Talk:
    return a_greeted_talk(*EXTENSIONS)


def up_to_the_dot(talk: Talk, transaction: Transaction) -> None:
    """Take a transaction so far that only the reply to its final dot is missing."""
    talk.begins(transaction)
    talk.hears("250 Ok", "250 Ok", "354 Go on")
