"""Read and write what follows DATA: dots, line ends, size (RFC 5321 §4.1.1.4, §4.5.2)."""

import re
from io import IncrementalNewlineDecoder

from messages.smtp.grammar import SyntaxProblem
from messages.smtp.replies import Reply

CRLF = b"\r\n"
# Nothing else ends the content. Taking "\n.\n" and its kin for the end is SMTP smuggling.
END = b"\r\n.\r\n"

# Octets looked at in one go: a large content is not copied as a whole.
CHUNK = 65536

_BARE_CR = re.compile(rb"\r(?!\n)")


class ContentReader:
    """Gather one content, without its stuffed dots, and never more of it than `max_size`."""

    __slots__ = ("max_size", "is_oversized", "_content", "_held")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.is_oversized = False
        # The first line begins where the CRLF of the DATA command ends, so that ".CRLF" at once
        # is the end (RFC 5321 §4.1.1.4). We put that CRLF in front, and take it off in the end.
        self._held = CRLF
        self._content = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Take in what came. Return None until the end, and then what lies behind the end."""
        data = self._held + data
        if data.endswith(END) and data.rfind(b"\r\n.", 0, -3) < 0:
            # Most often all is there and no dot stuffed: rfind() sees it in half find()'s time.
            self._take(data[:-3], is_stuffed=False)
            return b""
        dot = data.find(b"\r\n.")
        end = data.find(END, dot) if dot >= 0 else -1
        if end >= 0:
            self._take(data[: end + len(CRLF)], is_stuffed=dot < end)
            return data[end + len(END) :]
        # What may be the beginning of the end waits for more.
        begun = next(n for n in (4, 3, 2, 1, 0) if data.endswith(END[:n]))
        whole = len(data) - begun
        self._take(data[:whole], is_stuffed=dot >= 0)
        self._held = data[whole:]
        return None

    def _take(self, piece: bytes, is_stuffed: bool) -> None:
        if self.is_oversized:
            return
        # A dot that begins a line was put there by the client (RFC 5321 §4.5.2).
        self._content += piece.replace(b"\r\n.", CRLF) if is_stuffed else piece
        if len(self._content) > self.max_size + len(CRLF):
            self.is_oversized = True
            self._content.clear()

    def finish(self) -> bytes:
        """Return the content, and keep nothing of it."""
        with memoryview(self._content) as view:
            content = bytes(view[len(CRLF) :])
        self._content.clear()
        return content


def clean(content: bytes, max_line: int | None) -> bytes:
    """Return a content with all lines ending in CRLF, or raise SyntaxProblem for what is none."""
    if not has_only_crlf(content):
        # A bare LF is somebody's idea of a line end; a bare CR is nobody's (RFC 5321 §2.3.8).
        content = content.replace(CRLF, b"\n").replace(b"\n", CRLF)
        if content.count(b"\r") != content.count(CRLF) and (bare := _BARE_CR.search(content)):
            raise _fault(content, bare.start(), "CR without LF")
    if (at := content.find(b"\0")) >= 0:
        raise _fault(content, at, "NUL")
    if max_line is not None and (at := find_long_line(content, max_line)) >= 0:
        raise _fault(content, at, f"More than {max_line} octets")
    return content


def has_only_crlf(content: bytes) -> bool:
    """Whether no CR or LF stands anywhere but in a CRLF."""
    # The decoder of text files notes what line ends it sees, four times as fast as counting.
    decoder = IncrementalNewlineDecoder(None, translate=False)
    for start in range(0, len(content), CHUNK):
        decoder.decode(content[start : start + CHUNK].decode("latin-1"))
    decoder.decode("", final=True)
    return decoder.newlines in (None, "\r\n")


def find_long_line(content: bytes, max_line: int) -> int:
    """Return where the first line of more than `max_line` octets begins, or -1."""
    start, end, reach = 0, len(content), max_line + len(CRLF)
    # From a line's begin to the last line end within reach: all lines between are short enough.
    while end - start > max_line:
        last = content.rfind(b"\n", start, start + reach)
        if last < 0:
            return start
        start = last + 1
    return -1


def _fault(content: bytes, at: int, what: str) -> SyntaxProblem:
    line = content.count(b"\n", 0, at) + 1
    return SyntaxProblem(Reply(554, "5.6.0", f"{what} in line {line} of the message"))


def dot_stuff(content: bytes) -> bytes:
    """Return a content as it goes over the wire, with its dots and its end (RFC 5321 §4.5.2).

    Raises ValueError for a stray CR or LF: sent on, it could end the message too early.
    """
    if not has_only_crlf(content):
        raise ValueError("The content holds a CR or LF that is not part of a CRLF")
    if content and not content.endswith(CRLF):
        content += CRLF
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
