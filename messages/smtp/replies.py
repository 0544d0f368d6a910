"""Say and read what an SMTP server answers: replies (RFC 5321 §4.2) and their status (RFC 3463)."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers to a command: the code decides, the status says why, the text helps."""

    code: int
    status: str  # the enhanced status code ("5.7.1"), or "" where there is none
    text: str  # "\n" stands between the lines of a longer reply
    # A server said so, and not we in its place; that makes it no other reply.
    is_remote: bool = field(default=False, compare=False)

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code <= 299

    @property
    def is_intermediate(self) -> bool:
        return 300 <= self.code <= 399

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code <= 499

    @property
    def is_permanent(self) -> bool:
        return 500 <= self.code <= 599

    def __str__(self) -> str:
        text = " ".join(self.text.splitlines())
        return " ".join(part for part in (str(self.code), self.status, text) if part)

    def to_bytes(self) -> bytes:
        """Return the reply as it goes over the wire, each line with code and status."""
        status = f"{self.status} " if self.status else ""
        if "\n" not in self.text and "\r" not in self.text:
            return f"{self.code} {status}{self.text}\r\n".encode(errors="replace")
        # A stray CR or LF would be read as another reply.
        lines = self.text.replace("\r\n", "\n").replace("\r", " ").split("\n")
        wire = [f"{self.code}-{status}{line}\r\n" for line in lines[:-1]]
        wire.append(f"{self.code} {status}{lines[-1]}\r\n")
        return "".join(wire).encode(errors="replace")


class ProtocolError(Exception):
    """The server sent something that is not a reply. That says nothing about the message."""


# RFC 5321 §4.5.3.1.5 allows 512 octets to a line; servers with links and reasons send more.
MAX_LINE = 4096
# One reply may take up to this; whoever sends more is broken, or wants our memory.
MAX_LINES = 100
MAX_REPLY = 65536

# "250" alone, without a space, is a reply too (RFC 5321 §4.2).
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class ReplyReader:
    """Make replies of what a server sends, in whatever pieces it comes."""

    __slots__ = ("_buffer", "_lines", "_octets", "_code", "_problem")

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []  # the texts of a reply whose last line is still to come
        self._octets = 0
        self._code = b""
        self._problem: ProtocolError | None = None

    @property
    def pending(self) -> bool:
        """Whether part of a reply was read, or something that is none."""
        return bool(self._buffer or self._lines or self._problem)

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are now complete.

        Replies that came before something that is none are never lost: they are returned
        first, and `ProtocolError` is raised by this call's successor (`feed(b"")` will do).
        """
        if self._problem is not None:
            raise self._problem
        replies: list[Reply] = []
        try:
            for line in self._cut(data):
                if reply := self._read(line):
                    replies.append(reply)
        except ProtocolError as problem:
            self._buffer = b""
            self._lines.clear()
            self._problem = problem
            if not replies:
                raise
        return replies

    def _cut(self, data: bytes) -> list[bytes]:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_LINE:
            # Judged after the whole lines before it, which may be good replies.
            lines.append(self._buffer)
        return lines

    def _read(self, line: bytes) -> Reply | None:
        """Take in one line, and return the reply if it was the last one."""
        if len(line) > MAX_LINE:
            raise ProtocolError(f"A line of more than {MAX_LINE} octets")
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is None:
            raise ProtocolError(f"Not a reply: {line[:80]!r}")
        code, mark, text = match.groups()
        if self._lines and code != self._code:
            raise ProtocolError(f"A reply with two codes: {self._code!r} and {code!r}")

        self._code = code
        self._lines.append(text or b"")
        self._octets += len(line)
        if len(self._lines) > MAX_LINES or self._octets > MAX_REPLY:
            raise ProtocolError(f"A reply over {MAX_LINES} lines or {MAX_REPLY} octets")
        return None if mark == b"-" else self._complete()

    def _complete(self) -> Reply:
        code, status, texts = int(self._code), "", []
        for line in self._lines:
            found, text = split_status(code, decode(line))
            status = status or found
            texts.append(text)
        self._lines.clear()
        self._octets = 0
        return Reply(code, status, "\n".join(texts), is_remote=True)


def decode(line: bytes) -> str:
    """Return a line as text, whatever was sent (RFC 6531 §3.7.4 allows UTF-8)."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return text if text.isprintable() else _CONTROL.sub(" ", text)


def split_status(code: int, text: str) -> tuple[str, str]:
    """Part the enhanced status code from the text, if its class is that of the code (RFC 2034)."""
    match = _STATUS.match(text)
    if match is None or match[1][0] != str(code)[0]:
        return "", text
    return match[1], text[match.end() :]
