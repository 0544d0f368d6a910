"""What a sending session tells of: events, how far it is, and how long each phase took."""

from dataclasses import dataclass
from enum import Enum

from messages.smtp.phases import Phase
from messages.smtp.replies import Reply
from messages.smtp.transaction import Transaction

# Words put into the clear part, to be believed inside TLS (RFC 3207 §4.2, §5).
SPOKE_TOO_EARLY = Reply(451, "4.7.5", "The server spoke before the TLS handshake")
NO_TLS = Reply(451, "4.7.4", "TLS is required, and the server does not offer it")
# The status of a reply of ours (RFC 3463 §3.5) that says: we have called ourselves.
LOOP = "5.4.6"


class Tls(Enum):
    """When to ask for STARTTLS (RFC 3207)."""

    NEVER = "never"
    OFFERED = "offered"  # where it is offered; in clear is better than not at all (RFC 7435)
    REQUIRED = "required"  # in clear nothing is sent


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
    """Nothing more can be had from the server; the reply says why. Close the connection."""

    reply: Reply


Event = Ready | UpgradeToTls | Settled | Unusable

Awaited = tuple[Phase, Transaction | None, float]  # whose phase it is, and since when it runs


def as_failure(reply: Reply) -> Reply:
    """Return a reply as a refusal; one that is out of place here tells nothing final."""
    # 503 is about the order of commands, so about us and not about the message.
    if reply.is_transient or (reply.is_permanent and reply.code != 503):
        return reply
    return Reply(451, "4.5.0", f"The server answered out of place: {reply}")


def extensions_of(reply: Reply) -> dict[str, str]:
    """Return the keywords of an EHLO reply with their parameters (RFC 5321 §4.1.1.1)."""
    lines = (line.strip().partition(" ") for line in reply.text.split("\n")[1:])
    return {keyword.upper(): parameters for keyword, _, parameters in lines}
