"""One message to one recipient, and how the extensions of a server bear on it (RFC 1870, 6531)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from messages.smtp.data import dot_stuff
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply


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
    phases: list[tuple[str, float]] = field(default_factory=list)  # and the seconds of each
    verdict: Reply | None = None  # the first refusal, or the answer to the dot
    decided_at: Phase | None = None  # what the verdict answers; None: nothing of this message
    content_sent: bool = False
    is_withdrawn: bool = False  # it goes elsewhere; its content must not be sent here

    def decide(self, reply: Reply, phase: Phase | None) -> None:
        """Keep the first verdict, and what it answers."""
        if self.verdict is None:
            self.verdict, self.decided_at = reply, phase

    @property
    def needs_utf8(self) -> bool:
        """Whether an address, or the header, holds more than ASCII (RFC 6531 §3.1)."""
        addresses_are_ascii = self.reverse_path.isascii() and self.recipient.isascii()
        return self.letter.has_8bit_header or not addresses_are_ascii


def obstacle(transaction: Transaction, extensions: Mapping[str, str]) -> Reply | None:
    """Return why a server with these extensions cannot take a transaction, if it cannot."""
    limit = extensions.get("SIZE", "")
    # SIZE without a number, or zero, announces no limit (RFC 1870 §4).
    if limit.isdecimal() and 0 < int(limit) < transaction.letter.size:
        return Reply(552, "5.3.4", f"The server takes {limit} octets at most")
    if transaction.needs_utf8 and "SMTPUTF8" not in extensions:
        return Reply(550, "5.6.7", "The server does not take internationalized addresses")
    return None


def mail_command(transaction: Transaction, extensions: Mapping[str, str]) -> str:
    """Return the MAIL command, with the parameters that a server with these extensions knows."""
    command = f"MAIL FROM:<{transaction.reverse_path}>"
    if "SIZE" in extensions:
        command += f" SIZE={transaction.letter.size}"
    if "8BITMIME" in extensions and transaction.letter.has_8bit:
        command += " BODY=8BITMIME"
    if transaction.needs_utf8:
        command += " SMTPUTF8"
    return command
