"""Hold the server's side of an SMTP session (RFC 5321): bytes in, events and bytes out.

The session knows the protocol; whoever holds it (the shell) reads and writes the connection,
and answers what the protocol leaves open. After each `receive()` it takes events until there
are none, answers each by `respond()`, and writes what `take_output()` returns.
"""

from messages.smtp import server_commands as commands
from messages.smtp.data import ContentReader, clean
from messages.smtp.grammar import Params, SyntaxProblem
from messages.smtp.lines import LineReader
from messages.smtp.replies import Reply
from messages.smtp.server_events import (
    Authenticate,
    Closed,
    Content,
    Data,
    Event,
    Mail,
    Malformed,
    Oversized,
    Rcpt,
    StartTls,
    Unreadable,
)
from messages.smtp.server_state import ServerConfig, State

__all__ = [
    "Authenticate",
    "Closed",
    "Content",
    "Data",
    "Event",
    "Mail",
    "Malformed",
    "Oversized",
    "Rcpt",
    "ServerConfig",
    "ServerSession",
    "StartTls",
    "Unreadable",
]

# Octets kept while an event waits for its answer: far more than anybody pipelines.
MAX_BUFFERED = 1 << 20

START_TLS = Reply(220, "2.0.0", "Ready to start TLS")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")
TOO_MUCH_INPUT = Reply(421, "4.7.0", "Too much input")


class ServerSession:
    """One session, from the greeting to the end."""

    __slots__ = (
        "config",
        "state",
        "is_closed",
        "_errors",
        "_lines",
        "_content",
        "_output",
        "_ready",
        "_awaiting",
    )

    def __init__(
        self, config: ServerConfig, *, tls: bool = False, greeting: Reply | None = None
    ) -> None:
        self.config = config
        self.state = State(config, tls)
        self.is_closed = False
        self._errors = 0  # since the last message that was taken
        self._lines = LineReader()
        self._content: ContentReader | None = None  # while a content is being read
        self._output = bytearray()
        self._ready: Event | None = None  # to be handed out
        self._awaiting: Event | None = None  # handed out, and not answered yet

        greeting = greeting or Reply(220, "", f"{config.hostname} ESMTP")
        self._say(greeting)
        if not greeting.is_positive:
            self._end(str(greeting))

    def receive(self, data: bytes) -> None:
        """Take in what the client sent."""
        if self.is_closed:
            return
        self._lines.feed(data)
        if self._awaiting is not None and len(self._lines.buffer) > MAX_BUFFERED:
            self.close(TOO_MUCH_INPUT)

    def next_event(self) -> Event | None:
        """Return what happened next. None: more has to come, or an event to be answered."""
        if self._awaiting is not None:
            return None
        while self._ready is None:
            if not self._lines.buffer or not self._advance():
                return None
        self._awaiting, self._ready = self._ready, None
        return self._awaiting

    def respond(self, reply: Reply) -> None:
        """Answer the event that was handed out last. Once all is over, nobody listens."""
        if self.is_closed:
            return
        event = self._awaiting
        if event is None or isinstance(event, StartTls):
            raise RuntimeError("No event awaits a reply")
        self._awaiting = None
        if isinstance(event, Data) and self.buffered:  # came before the client was asked to send
            self.close(commands.IMPROPER_PIPELINING)
            return
        if isinstance(event, Authenticate | Unreadable) and not reply.is_positive:
            self._refuse(reply)
        else:
            self._settle(event, reply)
            self._say(reply)
        if reply.code == 421 and not self.is_closed:  # it means that we close (RFC 5321 §3.8)
            self._end(str(reply))

    def take_output(self) -> bytes:
        """Return everything that is to be written now."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def tls_established(self) -> None:
        """Begin again under TLS, and believe nothing that was said before (RFC 3207 §4.2)."""
        if not isinstance(self._awaiting, StartTls):
            raise RuntimeError("The client did not ask for TLS")
        self._awaiting = None
        self.state.is_tls = True
        self.state.forget()
        if self.buffered:  # it came in clear text, and must not be read as if it had not
            self.close(commands.IMPROPER_PIPELINING)

    def close(self, reply: Reply) -> None:
        """Have the last word: for whatever ends a session from outside (timeout, shutdown)."""
        if not self.is_closed:
            self._say(reply)
            self._end(str(reply))

    @property
    def is_blocked(self) -> bool:
        """Whether nothing is read before an event is answered: the shell should not read on."""
        return self._awaiting is not None

    @property
    def buffered(self) -> int:
        """How many octets came and were not looked at yet."""
        return len(self._lines.buffer)

    @property
    def max_size(self) -> int:
        """Octets a content may have. The shell may change it, as soon as it knows the account."""
        return self.state.max_size

    @max_size.setter
    def max_size(self, octets: int) -> None:
        self.state.max_size = octets

    @property
    def reverse_path(self) -> str | None:
        """Whom the message is from; None: there is no transaction."""
        return self.state.reverse_path

    @property
    def recipients(self) -> list[str]:
        return self.state.recipients

    @property
    def mail_params(self) -> Params:
        return self.state.mail_params

    def _advance(self) -> bool:
        """Deal with the next line, or piece of content. False: more has to come first."""
        if self._content is not None:
            return self._read_content(self._content)
        try:
            line = self._lines.take_line(self.state.exchange is not None)
            if line is None:
                return False
            self._take_outcome(
                commands.obey(self.state, line, has_more=len(self._lines.buffer) > 0)
            )
        except SyntaxProblem as problem:
            self.state.exchange = None
            self._refuse(problem.reply)
            if self._lines.is_flooded:
                self._end(str(problem.reply))
        return True

    def _take_outcome(self, outcome: commands.Outcome) -> None:
        if isinstance(outcome, Reply):
            self._say(outcome)
            if outcome is commands.BYE:
                self._end("QUIT")
            elif outcome is commands.IMPROPER_PIPELINING:
                self._end(str(outcome))
            return
        if isinstance(outcome, StartTls):
            self._say(START_TLS)
        self._ready = outcome

    def _read_content(self, reader: ContentReader) -> bool:
        behind = reader.feed(self._lines.take_all())
        if behind is None:
            return False
        self._lines.feed(behind)
        self._content = None

        self._ready = self._judge(reader)
        return True

    def _judge(self, reader: ContentReader) -> Event:
        try:
            content = clean(reader.finish(), self.config.max_line)
        except SyntaxProblem as problem:
            return Malformed(problem.reply)
        # It may have grown: SIZE counts each line end as two octets (RFC 1870 §5).
        if reader.is_oversized or len(content) > reader.max_size:
            return Oversized(reader.max_size)
        return Content(content)

    def _settle(self, event: Event, reply: Reply) -> None:
        """Let the shell's answer take effect."""
        state = self.state
        match event:
            case Rcpt():
                if reply.is_positive:
                    state.recipients.append(event.forward_path)
                else:
                    state.has_refused_recipients = True
            case Mail():
                if reply.is_positive:
                    state.reverse_path, state.mail_params = event.reverse_path, event.params
            case Authenticate():
                state.username = event.username
            case Data() if reply.is_intermediate:
                self._content = ContentReader(self.max_size)
            case _:
                state.reset()
                if reply.is_positive:
                    self._errors = 0

    def _say(self, reply: Reply) -> None:
        self._output += reply.to_bytes()

    def _refuse(self, reply: Reply) -> None:
        """Answer an error, as long as there are not too many."""
        self._errors += 1
        if self._errors > self.config.max_errors:
            self.close(TOO_MANY_ERRORS)
        else:
            self._say(reply)

    def _end(self, reason: str) -> None:
        self.is_closed = True
        self._lines.take_all()
        self._content = None
        self._awaiting, self._ready = None, Closed(reason)
