"""SMTP as the sending side speaks it, pipelined, without I/O (RFC 5321, 2920, 3207).

`ClientSession` turns the bytes of a server into events and says what to write. Where the server
pipelines, MAIL, RCPT and DATA leave together, and the next transaction's commands ride behind the
final dot of the one before: one round trip a message.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from messages.smtp.data import dot_stuff
from messages.smtp.replies import Reply, ReplyReader


class Phase(Enum):
    """What a reply that we wait for answers; each has a timeout of its own (RFC 5321 §4.5.3.2)."""

    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "final dot"


@dataclass(frozen=True, slots=True)
class Letter:
    """A content that is ready for the wire, made once for all recipients of a message."""

    wire: bytes = field(repr=False)  # dots stuffed, the final dot included
    size: int  # octets of the content itself
    has_8bit: bool
    has_8bit_header: bool

    @classmethod
    def of(cls, content: bytes) -> "Letter":
        """Raises ValueError for a content with a stray CR or LF, which must never leave."""
        has_8bit = not content.isascii()
        has_8bit_header = has_8bit and not content.partition(b"\r\n\r\n")[0].isascii()
        return cls(dot_stuff(content), len(content), has_8bit, has_8bit_header)


@dataclass(slots=True, eq=False)
class Transaction:
    """One message to one recipient, and what was said about it."""

    reverse_path: str
    recipient: str
    letter: Letter
    dialogue: list[str] = field(default_factory=list)  # "C: …" ours, "S: …" theirs
    verdict: Reply | None = None  # the first refusal, or the answer to the dot
    content_sent: bool = False

    @property
    def needs_utf8(self) -> bool:
        """Whether an address, or the header, holds more than ASCII (RFC 6531 §3.1)."""
        return self.letter.has_8bit_header or not self.recipient.isascii()


@dataclass(frozen=True, slots=True)
class Ready:
    """The server was greeted; transactions may begin."""


@dataclass(frozen=True, slots=True)
class UpgradeToTls:
    """Start TLS on the connection, then call `tls_established()`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The server has decided on a transaction: its `verdict` is set."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Unusable:
    """The server takes nothing on this connection, and says why. Close it."""

    reply: Reply


Event = Ready | UpgradeToTls | Settled | Unusable


class ClientSession:
    """One connection to a server. Feed it with `receive`, write what `take_output` gives."""

    def __init__(self, hostname: str, *, use_tls: bool) -> None:
        self._hostname = hostname
        self._use_tls = use_tls
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._expected: deque[tuple[Phase, Transaction | None]] = deque([(Phase.GREETING, None)])
        self._extensions: dict[str, str] = {}
        self._needs_reset = False
        self._ready = False
        self.unusable: Reply | None = None

    @property
    def phase(self) -> Phase | None:
        """What the next reply answers; None while we wait for nothing."""
        return self._expected[0][0] if self._expected else None

    @property
    def can_begin(self) -> bool:
        """Whether a transaction may begin: none is open, or the open one waits at its dot only."""
        if not self._ready or self.unusable:
            return False
        waits = len(self._expected)
        return waits == 0 or (waits == 1 and self.phase is Phase.DOT and self._pipelines)

    @property
    def _pipelines(self) -> bool:
        return "PIPELINING" in self._extensions

    def take_output(self) -> bytes:
        """Return what is to be written now."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def begin(self, transaction: Transaction) -> Settled | None:
        """Start a transaction. Returns its end where we know it without asking."""
        impossible = self._impossible(transaction)
        if impossible:
            transaction.verdict = impossible
            return Settled(transaction)
        if self._needs_reset:
            self._say("RSET", Phase.RSET, None)
            self._needs_reset = False
        self._say(self._mail_command(transaction), Phase.MAIL, transaction)
        if self._pipelines:
            self._say(f"RCPT TO:<{transaction.recipient}>", Phase.RCPT, transaction)
            self._say("DATA", Phase.DATA, transaction)
        return None

    def _impossible(self, transaction: Transaction) -> Reply | None:
        limit = self._extensions.get("SIZE", "")
        # SIZE without a number, or zero, announces no limit (RFC 1870 §4).
        if limit.isdecimal() and 0 < int(limit) < transaction.letter.size:
            return Reply(552, "5.3.4", f"The server takes {limit} octets at most")
        if transaction.needs_utf8 and "SMTPUTF8" not in self._extensions:
            return Reply(550, "5.6.7", "The server does not take internationalized addresses")
        return None

    def _mail_command(self, transaction: Transaction) -> str:
        command = f"MAIL FROM:<{transaction.reverse_path}>"
        if "SIZE" in self._extensions:
            command += f" SIZE={transaction.letter.size}"
        if "8BITMIME" in self._extensions and transaction.letter.has_8bit:
            command += " BODY=8BITMIME"
        if transaction.needs_utf8:
            command += " SMTPUTF8"
        return command

    def _say(self, line: str, phase: Phase, transaction: Transaction | None) -> None:
        self._output.append(f"{line}\r\n".encode())
        self._expected.append((phase, transaction))
        if transaction:
            transaction.dialogue.append(f"C: {line}")

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the server and return what follows. Raises ProtocolError."""
        events = []
        for reply in self._reader.feed(data):
            event = self._answered(reply)
            if event:
                events.append(event)
        return events

    def _answered(self, reply: Reply) -> Event | None:
        if not self._expected or reply.code == 421:
            # Unasked, or at any point: the server is about to close (RFC 5321 §3.8).
            return self._give_up(reply)
        phase, transaction = self._expected.popleft()
        if transaction is None:
            return self._greeted(phase, reply)
        transaction.dialogue.append(f"S: {reply}")
        return self._advance(phase, transaction, reply)

    def _give_up(self, reply: Reply) -> Event:
        if self._expected and (transaction := self._expected[0][1]):
            transaction.dialogue.append(f"S: {reply}")
            if not transaction.verdict:
                transaction.verdict = reply
        self.unusable = reply
        return Unusable(reply)

    # --- before the first transaction ---

    def _greeted(self, phase: Phase, reply: Reply) -> Event | None:
        if phase is Phase.RSET:
            return None
        if phase is Phase.STARTTLS:
            return self._starting_tls(reply)
        if phase is Phase.EHLO and reply.is_permanent:
            # Only a server that does not know EHLO is asked with HELO (RFC 5321 §3.2).
            self._say(f"HELO {self._hostname}", Phase.HELO, None)
            return None
        if not reply.is_positive:
            return self._give_up(reply)
        if phase is Phase.GREETING:
            self._say(f"EHLO {self._hostname}", Phase.EHLO, None)
            return None
        self._extensions = _extensions(reply) if phase is Phase.EHLO else {}
        if self._use_tls and "STARTTLS" in self._extensions:
            self._say("STARTTLS", Phase.STARTTLS, None)
            return None
        self._ready = True
        return Ready()

    def _starting_tls(self, reply: Reply) -> Event:
        if reply.code != 220:
            # Opportunistic: better in clear than not at all (RFC 7435).
            self._ready = True
            return Ready()
        if self._reader.pending:
            # Words put into the clear part, to be believed inside TLS (RFC 3207 §4.2, §5).
            return self._give_up(Reply(451, "4.7.5", "The server spoke before the TLS handshake"))
        return UpgradeToTls()

    def tls_established(self) -> None:
        """Forget what was said in clear, and greet again (RFC 3207 §4.2)."""
        self._use_tls = False
        self._extensions = {}
        self._say(f"EHLO {self._hostname}", Phase.EHLO, None)

    # --- a transaction ---

    def _advance(self, phase: Phase, transaction: Transaction, reply: Reply) -> Event | None:
        if phase is Phase.DATA:
            return self._content(transaction, reply)
        if phase is Phase.DOT:
            transaction.verdict = transaction.verdict or reply
            return Settled(transaction)
        # Any 2xx is a yes, 251 and 252 among them: the first digit decides (RFC 5321 §4.2.1).
        if not reply.is_positive and not transaction.verdict:
            transaction.verdict = _as_failure(reply)
        if self._pipelines:
            return None  # the reply to DATA ends it
        if transaction.verdict:
            self._needs_reset = True
            return Settled(transaction)
        if phase is Phase.MAIL:
            self._say(f"RCPT TO:<{transaction.recipient}>", Phase.RCPT, transaction)
        else:
            self._say("DATA", Phase.DATA, transaction)
        return None

    def _content(self, transaction: Transaction, reply: Reply) -> Event | None:
        if reply.code != 354:
            transaction.verdict = transaction.verdict or _as_failure(reply)
            self._needs_reset = True
            return Settled(transaction)
        if transaction.verdict:
            # Nobody is left to receive it, yet the server waits: send nothing (RFC 2920 §3.1).
            self._output.append(b".\r\n")
        else:
            self._output.append(transaction.letter.wire)
            transaction.content_sent = True
            transaction.dialogue.append(f"C: {transaction.letter.size} octets of content")
        self._expected.append((Phase.DOT, transaction))
        return None

    def abandon(self) -> list[Transaction]:
        """The connection is gone: return the transactions that it leaves open, oldest first.

        One with a verdict was decided; one with `content_sent` may have arrived (RFC 1047); any
        other left no trace.
        """
        transactions = dict.fromkeys(one for _, one in self._expected if one)
        self._expected.clear()
        return list(transactions)


def _extensions(reply: Reply) -> dict[str, str]:
    """Return the keywords of an EHLO reply with their parameters (RFC 5321 §4.1.1.1)."""
    lines = (line.strip().partition(" ") for line in reply.text.split("\n")[1:])
    return {keyword.upper(): parameters for keyword, _, parameters in lines}


def _as_failure(reply: Reply) -> Reply:
    """Return a reply as a refusal; one that is out of place here tells nothing final."""
    if reply.is_transient or reply.is_permanent:
        return reply
    return Reply(451, "4.5.0", f"The server answered out of place: {reply}")
