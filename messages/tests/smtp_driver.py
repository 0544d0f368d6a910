"""Play the shell of an SMTP session without a network, and read dialogues from text files.

A dialogue has lines `C:` and `S:`, as the RFCs print them. What the client says between two
answers is sent at once. `R:` is for octets as they are, with escapes and no CRLF of its own.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from messages.smtp.replies import Reply
from messages.smtp.server import (
    Authenticate,
    Closed,
    Content,
    Data,
    Event,
    Mail,
    Malformed,
    Oversized,
    Rcpt,
    ServerConfig,
    ServerSession,
    StartTls,
    Unreadable,
)

USERNAME, PASSWORD = "0123456789abcdef", "secret"
DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))
TLS = "<negotiates TLS>"
END = "<closes the connection>"

HOSTNAME = "mx.example.com"
SUBMISSION = ServerConfig(
    HOSTNAME, 10485760, starttls=True, require_tls=True, auth=True, require_auth=True
)
SERVERS = {
    "submission": SUBMISSION,
    "development": ServerConfig(
        HOSTNAME, 10485760, auth=True, auth_in_clear=True, require_auth=True
    ),
    "optional": ServerConfig(HOSTNAME, 10485760, auth=True, auth_in_clear=True),
    "bounces": ServerConfig(HOSTNAME, 10485760, starttls=True),
    "small": ServerConfig(HOSTNAME, 64, max_line=20),
    "old": ServerConfig(HOSTNAME, 1000, pipelining=False, eightbitmime=False, smtputf8=False),
    "modern": ServerConfig(HOSTNAME, 1000, enhanced_status=True),
}


@dataclass(frozen=True)
class Message:
    reverse_path: str | None
    recipients: tuple[str, ...]
    content: bytes


class Door:
    """A shell that lets one user in, and takes every message but those that are not meant to be."""

    def __init__(self, config: ServerConfig, *, tls: bool = False) -> None:
        self.session = ServerSession(config, tls=tls)
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.closed: Closed | None = None

    def send(self, *pieces: bytes) -> list[str]:
        """Let the client send some octets, in these pieces, and return what it reads then."""
        lines: list[str] = []
        for piece in pieces or (b"",):
            self.session.receive(piece)
            while event := self.session.next_event():
                self.events.append(event)
                lines += self._read()
                if isinstance(event, StartTls):
                    lines.append(TLS)
                    self.session.tls_established()
                elif isinstance(event, Closed):
                    lines.append(END)
                    self.closed = event
                else:
                    self.session.respond(self.answer(event))
            lines += self._read()
        return lines

    def _read(self) -> list[str]:
        lines = self.session.take_output().decode().split("\r\n")[:-1]
        return [line.rstrip() for line in lines]

    def answer(self, event: Event) -> Reply:
        match event:
            case Authenticate(username, password):
                if (username, password) == (USERNAME, PASSWORD):
                    return Reply(235, "2.7.0", "Authentication successful")
                return Reply(535, "5.7.8", "Authentication credentials invalid")
            case Mail(reverse_path):
                if reverse_path.endswith("@bobs.example"):
                    return Reply(550, "5.7.1", "Sender domain bobs.example not verified")
                return Reply(250, "2.1.0", "Sender ok")
            case Rcpt(forward_path):
                if forward_path.startswith("nobody@"):
                    return Reply(550, "5.1.1", "No such recipient")
                return Reply(250, "2.1.5", "Recipient ok")
            case Data():
                return Reply(354, "", "End data with <CR><LF>.<CR><LF>")
            case Oversized(limit):
                return Reply(552, "5.3.4", f"Message too big (limit {limit} bytes)")
            case Malformed(reply) | Unreadable(reply=reply):
                return reply
            case Content(content):
                session = self.session
                recipients = tuple(session.recipients)
                self.messages.append(Message(session.reverse_path, recipients, content))
                return Reply(250, "", "Thanks! Queued as: f78b876d-dd97-4e10-9a61-067f98044cc7")
        raise AssertionError(f"nobody answers {event}")


ENVELOPE = b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"


def door_awaiting_content(config: ServerConfig = SERVERS["bounces"]) -> Door:
    door = Door(config)
    assert door.send(ENVELOPE)[-1].startswith("354 ")
    return door


def session_up_to(event: type[Event], sent: bytes) -> ServerSession:
    """Return a session whose events were all answered with 250, but the last."""
    session = ServerSession(SERVERS["bounces"])
    session.receive(sent)
    while not isinstance(happened := session.next_event(), event):
        assert happened is not None
        session.respond(Reply(250, "2.0.0", "Ok"))
    session.take_output()
    return session


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut octets into pieces at these places, or wherever that is in so many octets."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


def slowly(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@dataclass(frozen=True)
class Turn:
    """What the client sends at once, and what the server answers."""

    sent: bytes
    answered: list[str]


@dataclass(frozen=True)
class Dialogue:
    server: str
    under_tls: bool
    turns: list[Turn]

    def play(self, cut: Callable[[bytes], list[bytes]]) -> list[Turn]:
        """Return the turns as they really went, with all that is sent cut into pieces."""
        door = Door(SERVERS[self.server], tls=self.under_tls)
        return [Turn(turn.sent, door.send(*cut(turn.sent))) for turn in self.turns]


def read_dialogue(path: Path, **names: str) -> Dialogue:
    """Read a file; each of `names` stands in it within braces, and is replaced."""
    server, under_tls, turns = "submission", False, [Turn(b"", [])]
    for mark, text in _read_lines(path):
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", value)
        if mark == "Server":
            server, _, state = text.partition(" ")
            under_tls = state == "under TLS"
        elif mark == "S":
            turns[-1].answered.append(text)
        else:
            sent = unescape(text) if mark == "R" else text.encode() + b"\r\n"
            if turns[-1].answered:
                turns.append(Turn(sent, []))
            else:
                turns[-1] = Turn(turns[-1].sent + sent, [])
    return Dialogue(server, under_tls, turns)


def _read_lines(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(Server|C|S|R):(?: (.*))?", line)
        assert match, f"{path.name}: what does {line!r} mean?"
        yield match[1], match[2] or ""


def unescape(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")
