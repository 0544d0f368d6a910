"""What a server is set up to offer, and what it knows of one client so far."""

from dataclasses import dataclass

from messages.smtp.grammar import Params
from messages.smtp.sasl import MECHANISMS, Exchange


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What kind of server this is, and what it offers."""

    hostname: str
    max_size: int  # octets of content, announced as SIZE (RFC 1870)
    max_line: int | None = 998  # octets in a line of content, without CRLF; None: any number
    max_errors: int = 20  # protocol errors that are answered; at the next one we give up
    starttls: bool = False  # offer STARTTLS (RFC 3207)
    require_tls: bool = False  # before MAIL
    auth: bool = False  # offer AUTH PLAIN LOGIN (RFC 4954), but under TLS only
    auth_in_clear: bool = False  # ... and without TLS too: for development
    require_auth: bool = False  # before MAIL
    pipelining: bool = True  # announce PIPELINING (RFC 2920)
    eightbitmime: bool = True  # take BODY= (RFC 6152)
    smtputf8: bool = True  # take SMTPUTF8 (RFC 6531)
    enhanced_status: bool = False  # announce ENHANCEDSTATUSCODES (RFC 2034); we send them anyway

    @property
    def mail_params(self) -> frozenset[str]:
        """The parameters that MAIL may have, each by the extension that brings it."""
        params = ["SIZE"]
        if self.eightbitmime:
            params.append("BODY")
        if self.smtputf8:
            params.append("SMTPUTF8")
        if self.auth:
            params.append("AUTH")  # who wrote the message; read and ignored (RFC 4954 §5)
        return frozenset(params)


class State:
    """Who the client is, and the transaction that goes on."""

    __slots__ = (
        "config",
        "max_size",
        "known_params",
        "is_tls",
        "client_name",
        "is_extended",
        "username",
        "exchange",
        "reverse_path",
        "mail_params",
        "recipients",
        "rcpt_count",
        "has_refused_recipients",
    )

    def __init__(self, config: ServerConfig, is_tls: bool) -> None:
        self.config = config
        self.max_size = config.max_size
        self.known_params = config.mail_params
        self.is_tls = is_tls
        self.forget()

    def forget(self) -> None:
        """Forget all that the client said."""
        self.client_name = ""  # as given with EHLO or HELO
        self.is_extended = False  # it was EHLO
        self.username: str | None = None  # None: not authenticated
        self.exchange: Exchange | None = None  # while AUTH goes on
        self.reset()

    def reset(self) -> None:
        """Forget the transaction (RFC 5321 §4.1.1.5)."""
        self.reverse_path: str | None = None  # None: there is no transaction
        self.mail_params: Params = {}
        self.recipients: list[str] = []
        self.rcpt_count = 0  # commands, whatever came of them
        self.has_refused_recipients = False

    @property
    def can_auth(self) -> bool:
        """Whether AUTH is allowed here: a password is not for everybody on the way to read."""
        return self.config.auth and (self.is_tls or self.config.auth_in_clear)

    def extensions(self) -> list[str]:
        """What EHLO announces at this moment (RFC 5321 §4.1.1.1)."""
        offers = {
            f"SIZE {self.max_size}": True,
            "8BITMIME": self.config.eightbitmime,
            "PIPELINING": self.config.pipelining,
            "SMTPUTF8": self.config.smtputf8,
            "ENHANCEDSTATUSCODES": self.config.enhanced_status,
            "STARTTLS": self.config.starttls and not self.is_tls,
            f"AUTH {' '.join(MECHANISMS)}": self.can_auth,
        }
        return [keyword for keyword, is_offered in offers.items() if is_offered]
