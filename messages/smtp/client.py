"""SMTP as the sending side speaks it, pipelined, without I/O (RFC 5321, 2920, 3207).

`ClientSession` turns the bytes of a server into events and says what to write. Where the server
pipelines, MAIL, RCPT and DATA leave together, and the next transaction's commands ride behind the
final dot of the one before: one round trip a message.
"""

from collections import deque
from collections.abc import Callable

from messages.smtp.client_events import (
    LOOP,
    NO_TLS,
    SPOKE_TOO_EARLY,
    Awaited,
    Event,
    Ready,
    Settled,
    Tls,
    Unusable,
    UpgradeToTls,
    as_failure,
    extensions_of,
)
from messages.smtp.phases import Phase
from messages.smtp.replies import ProtocolError, Reply, ReplyReader
from messages.smtp.transaction import Letter, Transaction, mail_command, obstacle

__all__ = [
    "ClientSession",
    "Letter",
    "Phase",
    "Ready",
    "Settled",
    "Tls",
    "Transaction",
    "Unusable",
    "UpgradeToTls",
]


class ClientSession:
    """One connection to a server. Feed it with `receive`, write what `take_output` gives."""

    def __init__(self, hostname: str, tls: Tls, clock: Callable[[], float]) -> None:
        self._hostname = hostname
        self._tls = tls
        self._clock = clock
        self._heard_at = clock()
        # All before the first transaction, as a transaction keeps its own.
        self.dialogue: list[str] = []
        self.phases: list[tuple[str, float]] = []
        self._reader = ReplyReader()
        self._unread: deque[Reply] = deque()
        self._output: list[bytes] = []
        self._expected: deque[Awaited] = deque([(Phase.GREETING, None, self._heard_at)])
        self._unsaid: deque[tuple[str, Phase]] = deque()  # commands that wait for a reply
        self._extensions: dict[str, str] = {}
        self._first: Transaction | None = None
        self._needs_reset = False
        self._ready = self._is_tls = False
        self.unusable: Reply | None = None

    @property
    def awaited(self) -> Awaited | None:
        """What the next reply answers, a tuple of its own each time; None: we wait for nothing."""
        return self._expected[0] if self._expected else None

    @property
    def phase(self) -> Phase | None:
        """The phase of what the next reply answers."""
        return self._expected[0][0] if self._expected else None

    @property
    def can_begin(self) -> bool:
        """Whether a transaction may begin: none is open, or the open one waits at its dot only."""
        if not self._ready or self.unusable:
            return False
        waits = len(self._expected)
        return waits == 0 or (waits == 1 and self.phase is Phase.DOT and self._pipelines)

    @property
    def is_chained(self) -> bool:
        """Whether a transaction waits behind the final dot of the one before it."""
        return self.phase is Phase.DOT and len(self._expected) > 1

    @property
    def _pipelines(self) -> bool:
        return "PIPELINING" in self._extensions

    def take_output(self) -> bytes:
        """Return what is to be written now."""
        output, self._output = b"".join(self._output), []
        return output

    def begin(self, transaction: Transaction) -> Settled | None:
        """Start a transaction. Returns its end where we know it without asking."""
        transaction.verdict = obstacle(transaction, self._extensions)
        if transaction.verdict:
            return Settled(transaction)
        self._first = self._first or transaction
        self._unsaid.extend(self._commands(transaction))
        self._needs_reset = False
        self._say_next(transaction)
        while self._pipelines and self._unsaid:
            self._say_next(transaction)
        return None

    def _commands(self, transaction: Transaction) -> list[tuple[str, Phase]]:
        return [
            *([("RSET", Phase.RSET)] if self._needs_reset else []),
            (mail_command(transaction, self._extensions), Phase.MAIL),
            (f"RCPT TO:<{transaction.recipient}>", Phase.RCPT),
            ("DATA", Phase.DATA),
        ]

    def _say_next(self, transaction: Transaction) -> None:
        self._say(*self._unsaid.popleft(), transaction)

    def _say(self, line: str, phase: Phase, transaction: Transaction | None) -> None:
        self._output.append(f"{line}\r\n".encode())
        self._expected.append((phase, transaction, self._clock()))
        (transaction or self).dialogue.append(f"C: {line}")

    def connected(self, asked_at: float) -> None:
        """The connection that was asked for at a moment is there."""
        self._note("connect", asked_at)

    def _note(self, what: str, since: float, transaction: Transaction | None = None) -> None:
        """Keep how long a phase took: since its beginning, or the end of the one before it."""
        now = self._clock()
        (transaction or self).phases.append((what, now - max(since, self._heard_at)))
        self._heard_at = now

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the server and return what follows. Nothing does after `Unusable`."""
        events: list[Event] = []
        try:
            while not self.unusable and self._has_reply(data):
                data = b""
                if event := self._answered(self._unread.popleft()):
                    events.append(event)
        except ProtocolError as error:
            status = "4.7.5" if self.phase is Phase.STARTTLS else "4.5.0"
            text = f"The server does not speak SMTP: {error}"
            events.append(self.fail(Reply(451, status, text)))
        return events

    def _has_reply(self, data: bytes) -> bool:
        # The reader tells of what is no reply only when it is asked again.
        if data or not self._unread:
            self._unread.extend(self._reader.feed(data))
        return bool(self._unread)

    def _answered(self, reply: Reply) -> Event | None:
        if not self._expected or reply.code == 421:
            # Unasked, or at any point: the server is about to close (RFC 5321 §3.8).
            return self._dismissed(reply if self._expected or self._ready else SPOKE_TOO_EARLY)
        phase, transaction, since = self._expected.popleft()
        self._note(phase.value, since, transaction)
        (transaction or self).dialogue.append(f"S: {reply}")
        if not transaction:
            return self._greeted(phase, reply)
        return self._advance(phase, transaction, reply)

    def _dismissed(self, reply: Reply) -> Event:
        phase, transaction = self._stops()
        (transaction or self).dialogue.append(f"S: {reply}")
        # Between two messages it is about the connection, not about the message to come.
        is_between = transaction is not self._first and phase in (Phase.RSET, Phase.MAIL)
        if transaction and not is_between:
            transaction.decide(reply, phase)
        return self._give_up(reply)

    def fail(self, reply: Reply) -> Event:
        """Give up on the server, for a reason of ours, and so on what it should have answered.

        The reply is no verdict on a content that has left: it may have arrived.
        """
        phase, transaction = self._stops()
        if transaction and not transaction.content_sent:
            transaction.decide(reply, phase)
        return self._give_up(reply)

    def _stops(self) -> tuple[Phase | None, Transaction | None]:
        """Return what was waited for and does not come; so long it took."""
        if not self._expected:
            return None, None
        phase, transaction, since = self._expected[0]
        self._note(phase.value, since, transaction)
        return phase, transaction

    def _give_up(self, reply: Reply) -> Event:
        self.unusable = as_failure(reply)
        return Unusable(self.unusable)

    # --- before the first transaction ---

    def _greeted(self, phase: Phase, reply: Reply) -> Event | None:
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
        if reply.text.split(maxsplit=1)[:1] == [self._hostname]:
            return self._give_up(Reply(550, LOOP, f"{self._hostname} is what we call ourselves"))
        self._extensions = extensions_of(reply) if phase is Phase.EHLO else {}
        if self._tls is not Tls.NEVER and not self._is_tls:
            if "STARTTLS" in self._extensions:
                self._say("STARTTLS", Phase.STARTTLS, None)
                return None
            if self._tls is Tls.REQUIRED:
                return self._give_up(NO_TLS)
        self._ready = True
        return Ready()

    def _starting_tls(self, reply: Reply) -> Event:
        if reply.code != 220:
            if self._tls is Tls.REQUIRED:
                return self._give_up(Reply(451, "4.7.4", f"TLS is required, and refused: {reply}"))
            # Opportunistic: better in clear than not at all (RFC 7435).
            self._ready = True
            return Ready()
        if self._unread or self._reader.pending:
            return self._give_up(SPOKE_TOO_EARLY)
        return UpgradeToTls()

    def tls_established(self) -> None:
        """Forget what was said in clear, and greet again (RFC 3207 §4.2)."""
        self._is_tls = True
        self._extensions = {}
        self._note("TLS handshake", self._heard_at)
        self._say(f"EHLO {self._hostname}", Phase.EHLO, None)

    # --- a transaction ---

    def _advance(self, phase: Phase, transaction: Transaction, reply: Reply) -> Event | None:
        if phase is Phase.DATA:
            return self._content(transaction, reply)
        if phase is Phase.DOT:
            transaction.decide(reply if reply.is_positive else as_failure(reply), phase)
            return Settled(transaction)
        # Any 2xx is a yes, 251 and 252 among them: the first digit decides (RFC 5321 §4.2.1).
        if phase is not Phase.RSET and not reply.is_positive:
            transaction.decide(as_failure(reply), phase)
        if self._pipelines:
            return None  # the reply to DATA ends it
        if transaction.verdict:
            self._unsaid.clear()
            self._needs_reset = True
            return Settled(transaction)
        self._say_next(transaction)
        return None

    def _content(self, transaction: Transaction, reply: Reply) -> Event | None:
        if transaction.is_withdrawn:
            # Only an end without a dot tells the server that nothing comes (RFC 5321 §4.1.1.4).
            return self._give_up(Reply(451, "4.3.0", "The message went another way"))
        if reply.code != 354:
            transaction.decide(as_failure(reply), Phase.DATA)
            self._needs_reset = True
            return Settled(transaction)
        if transaction.verdict:
            # Nobody is left to receive it, yet the server waits: send nothing (RFC 2920 §3.1).
            self._output.append(b".\r\n")
            transaction.dialogue.append("C: .")
        else:
            self._output.append(transaction.letter.wire)
            transaction.content_sent = True
            transaction.dialogue.append(f"C: {transaction.letter.size} octets of content")
        self._expected.append((Phase.DOT, transaction, self._clock()))
        return None

    def withdraw_chained(self) -> list[Transaction]:
        """Return what waits behind a final dot, to be sent elsewhere; here it never will be."""
        (_, at_its_dot, _), *rest = self._expected
        behind = dict.fromkeys(
            one
            for _, one, _ in rest
            if one and one is not at_its_dot and not one.is_withdrawn  # before
        )
        for transaction in behind:
            transaction.is_withdrawn = True
        return list(behind)

    def abandon(self) -> list[Transaction]:
        """The connection is gone: return the transactions that it leaves open, oldest first.

        One with a verdict was decided; one with `content_sent` may have arrived (RFC 1047); any
        other left no trace.
        """
        left = dict.fromkeys(one for _, one, _ in self._expected if one and not one.is_withdrawn)
        self._expected.clear()
        return list(left)
