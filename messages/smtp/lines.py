"""Cut the input of an SMTP server into command lines that end in CRLF (RFC 5321 §2.3.8, §4.5.3.1).

However long a line is, no more of it is held than a command may be long.
"""

from messages.smtp.grammar import SyntaxProblem
from messages.smtp.replies import Reply

# Octets in a command, its CRLF included (RFC 5321 §4.5.3.1.4).
MAX_COMMAND = 512
# Extensions make some longer: SIZE, SMTPUTF8 and AUTH= together stay under 1024 (RFC 1870 §3,
# RFC 6531 §3.4, RFC 4954 §5), and a response in AUTH may take 12288 (RFC 4954 §4).
MAX_RESPONSE = 12288
LONGER = {b"MAIL ": 1024, b"RCPT ": 1024, b"AUTH ": MAX_COMMAND + MAX_RESPONSE}
# Octets of over-long lines in one session; whoever sends more does not speak SMTP.
MAX_DISCARDED = 65536

TOO_LONG = Reply(500, "5.5.2", "Line too long")
BARE_LF = Reply(500, "5.5.2", "Lines must end in CRLF")


class LineReader:
    """Hold what came until it is a line. An over-long one is read to its end and thrown away."""

    __slots__ = ("buffer", "_discarded", "_is_discarding")

    def __init__(self) -> None:
        self.buffer = bytearray()  # what was not taken yet
        self._discarded = 0
        self._is_discarding = False

    @property
    def is_flooded(self) -> bool:
        """Whether so much was thrown away that there is no use in going on."""
        return self._discarded > MAX_DISCARDED

    def feed(self, data: bytes) -> None:
        self.buffer += data

    def take_all(self) -> bytes:
        """Return all that is held, for another reader."""
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def take_line(self, is_response: bool) -> bytes | None:
        """Return the next line without its CRLF; None: it is not complete.

        Raises SyntaxProblem, once, for a line that is too long or does not end in CRLF.
        """
        size = self.buffer.find(b"\n") + 1
        length = size or len(self.buffer)
        if self._is_discarding or (length > MAX_COMMAND and length > self._limit(is_response)):
            self._discard(length, ended=size > 0)
            return None
        if not size:
            return None

        line = bytes(self.buffer[:size])
        del self.buffer[:size]
        if not line.endswith(b"\r\n"):
            # An LF alone ends a line for some and not for others: that is how one command is
            # smuggled inside another (RFC 5321 §2.3.8).
            raise SyntaxProblem(BARE_LF)
        return line[:-2]

    def _limit(self, is_response: bool) -> int:
        if is_response:
            return MAX_RESPONSE
        return LONGER.get(bytes(self.buffer[:5]).upper(), MAX_COMMAND)

    def _discard(self, length: int, ended: bool) -> None:
        del self.buffer[:length]
        self._discarded += length
        self._is_discarding = not ended
        if ended or self.is_flooded:
            raise SyntaxProblem(TOO_LONG)
