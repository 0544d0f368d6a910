"""What a server session tells and asks whoever holds it; the protocol itself needs nothing more."""

from dataclasses import dataclass, field

from messages.smtp.grammar import Params
from messages.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class StartTls:
    """The client wants TLS, and was told to go on.

    Stop reading, write the output, make the connection secure, call `tls_established()`.
    """


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Somebody says who they are. A positive reply lets them in."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A transaction begins. A positive reply takes the reverse-path into the envelope."""

    reverse_path: str  # "" for the null one
    params: Params


@dataclass(frozen=True, slots=True)
class Rcpt:
    """One more recipient. A positive reply takes the forward-path into the envelope."""

    forward_path: str
    params: Params


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Somebody who has logged in said MAIL or RCPT with an address or parameter that is none.

    Answer with this reply; it counts as an error of the client's.
    """

    verb: str
    path: str  # as it came, for people to read
    reply: Reply


@dataclass(frozen=True, slots=True)
class Data:
    """The envelope is complete. 354 asks for the content; any other reply ends the transaction."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content came, without stuffed dots, each line ending in CRLF.

    Whatever the reply, it ends the transaction.
    """

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Oversized:
    """A content is larger than the limit: announced so, or thrown away. Answer with 552 5.3.4."""

    size_limit: int
    reverse_path: str = ""  # of the MAIL command that announced it


@dataclass(frozen=True, slots=True)
class Malformed:
    """The content held what no message may hold, and was thrown away. Answer with this reply."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over. Write the output and close the connection."""

    reason: str


Event = (
    StartTls
    | Authenticate
    | Mail
    | Rcpt
    | Unreadable
    | Data
    | Content
    | Oversized
    | Malformed
    | Closed
)
