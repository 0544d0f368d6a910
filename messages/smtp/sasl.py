"""Hold the server's side of one AUTH exchange (RFC 4954 §4): PLAIN (RFC 4616) or LOGIN."""

from messages.smtp import grammar
from messages.smtp.grammar import SyntaxProblem
from messages.smtp.replies import Reply

MECHANISMS = ("PLAIN", "LOGIN")

NO_MECHANISM = Reply(501, "5.5.4", "Syntax error, expected AUTH and a mechanism")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Unrecognized authentication type")
CANCELLED = Reply(501, "5.7.0", "Authentication cancelled")

ASK_PLAIN = Reply(334, "", "")
ASK_USERNAME = Reply(334, "", "VXNlcm5hbWU6")  # "Username:"
ASK_PASSWORD = Reply(334, "", "UGFzc3dvcmQ6")  # "Password:"


class Exchange:
    """Challenges and responses, until there is a username and a password."""

    __slots__ = ("_is_plain", "_username")

    def __init__(self, mechanism: bytes) -> None:
        if not mechanism:
            raise SyntaxProblem(NO_MECHANISM)
        name = mechanism.decode("ascii", "replace").upper()
        if name not in MECHANISMS:
            raise SyntaxProblem(UNKNOWN_MECHANISM)
        self._is_plain = name == "PLAIN"
        self._username: str | None = None

    @property
    def challenge(self) -> Reply:
        """What to ask next."""
        if self._is_plain:
            return ASK_PLAIN
        return ASK_USERNAME if self._username is None else ASK_PASSWORD

    def take(self, response: bytes) -> tuple[str, str] | None:
        """Take in a response. Return username and password; None: there is more to ask."""
        if response == b"*":
            raise SyntaxProblem(CANCELLED)
        if self._is_plain:
            return grammar.decode_plain(response)
        if self._username is None:
            self._username = grammar.decode_login(response)
            return None
        return self._username, grammar.decode_login(response)
