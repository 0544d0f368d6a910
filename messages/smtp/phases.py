"""The steps of a dialogue (RFC 5321 §3, §4.1), as the side sees them that waits for replies."""

from enum import Enum


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
