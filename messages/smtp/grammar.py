"""Read SMTP commands, strictly by their grammar (RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 4954 §4)."""

import binascii
import ipaddress
import re
from collections.abc import Collection

from messages.smtp.replies import Reply

Params = dict[str, str | None]  # keyword in capitals -> value; None where there is no "="

MAX_LOCAL_PART = 64  # octets (RFC 5321 §4.5.3.1.1)
MAX_DOMAIN = 255  # octets (RFC 5321 §4.5.3.1.2)
MAX_PATH = 256  # octets, with the angle brackets (RFC 5321 §4.5.3.1.3)

# Letters beyond ASCII are for SMTPUTF8 (RFC 6531 §3.3), which would also allow controls and
# separators: those we leave out, as somebody further on may take them for the end of a line.
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_ATOM = rf'[^{_UNSAFE} "(),.:;<>@\[\\\]]+'
_QUOTED = rf'"(?:[^{_UNSAFE}"\\]|\\[ -~])*"'
_LABEL = r"(?!-)[A-Za-z0-9_\-\u00a1-\u2027\u202a-\U0010ffff]{1,63}(?<!-)"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_ROUTE = rf"@{_DOMAIN}(?:,@{_DOMAIN})*:"

_NAME = re.compile(rb"[!-~]{1,255}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PATH = re.compile(
    # A source route is read and forgotten (RFC 5321 §4.1.1.3, appendix C).
    rf"<(?:(?:{_ROUTE})?({_DOT_STRING.pattern}|{_QUOTED})(?:@({_DOMAIN}|\[[!-Z^-~]+\]))?)?>"
)
_PARAM = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")

# What the value of a parameter must be; the empty pattern means that it has none.
_VALUES = {
    "SIZE": re.compile(r"[0-9]{1,20}"),  # RFC 1870 §3
    "BODY": re.compile(r"7BIT|8BITMIME", re.IGNORECASE),  # RFC 6152 §3
    "SMTPUTF8": re.compile(r""),  # RFC 6531 §3.4
    "AUTH": re.compile(r".+"),  # RFC 4954 §5
}


class SyntaxProblem(Exception):
    """A command that the grammar does not allow. Carries the reply that says why."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(str(reply))


BAD_NAME = Reply(501, "5.5.4", "Syntax error, expected a domain name")
BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT = Reply(501, "5.1.3", "Bad recipient address syntax")
BAD_RESPONSE = Reply(501, "5.5.2", "Cannot decode the response")


def parse_command(line: bytes) -> tuple[str, bytes]:
    """Part a line into the verb, in capitals, and what follows it."""
    if _CONTROL.search(line):
        raise SyntaxProblem(Reply(500, "5.5.2", "Control character in command"))
    verb, _, argument = line.partition(b" ")
    if not verb.isalpha():
        raise SyntaxProblem(Reply(500, "5.5.2", "Syntax error, command unrecognized"))
    # White space at the end is to be tolerated (RFC 5321 §4.1.1).
    return verb.decode("ascii").upper(), argument.strip(b" ")


def parse_name(argument: bytes) -> str:
    """Read the argument of EHLO or HELO: how the client calls itself.

    It may be no name of any host, which is no reason to refuse mail (RFC 5321 §4.1.4).
    """
    if not _NAME.fullmatch(argument):
        raise SyntaxProblem(BAD_NAME)
    return argument.decode("ascii")


def parse_mail(argument: bytes, known: Collection[str]) -> tuple[str, Params]:
    """Read the argument of MAIL: the reverse-path ("" for the null one) and the parameters."""
    local, domain, rest = _parse_path(argument, "FROM:", BAD_SENDER)
    params = parse_params(rest, known)
    if local is None:
        return "", params
    if domain is None:
        raise SyntaxProblem(BAD_SENDER)
    return _build_address(local, domain, "SMTPUTF8" in params, BAD_SENDER), params


def parse_rcpt(argument: bytes, known: Collection[str], *, utf8: bool) -> tuple[str, Params]:
    """Read the argument of RCPT: the forward-path and the parameters.

    The only address without a domain is "postmaster" (RFC 5321 §4.1.1.3).
    """
    local, domain, rest = _parse_path(argument, "TO:", BAD_RECIPIENT)
    params = parse_params(rest, known)
    if local is not None and domain is not None:
        return _build_address(local, domain, utf8, BAD_RECIPIENT), params
    if local is not None and local.lower() == "postmaster":
        return local, params
    raise SyntaxProblem(BAD_RECIPIENT)


def _parse_path(
    argument: bytes, keyword: str, problem: Reply
) -> tuple[str | None, str | None, str]:
    """Return local part, domain, and what follows the path."""
    try:
        text = argument.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem(problem) from None
    start = len(keyword)
    if text[:start].upper() != keyword:
        raise SyntaxProblem(Reply(501, "5.5.4", f"Syntax error, expected {keyword}<address>"))
    if text[start : start + 1] == " ":
        start += 1  # not in the grammar, but too common to refuse
    match = _PATH.match(text, start)
    if match is None:
        raise SyntaxProblem(problem)
    rest = text[match.end() :]
    if rest and rest[0] != " ":
        raise SyntaxProblem(problem)
    return match[1], match[2], rest


def parse_params(text: str, known: Collection[str]) -> Params:
    """Read the parameters of MAIL or RCPT, of which only the known ones are allowed."""
    params: Params = {}
    if not text:
        return params
    for param in filter(None, text.split(" ")):
        match = _PARAM.fullmatch(param)
        if match is None:
            raise _bad_param("Syntax error in parameters")
        keyword, value = match[1].upper(), match[2]
        if keyword not in known:
            # RFC 5321 §4.1.1.11
            raise SyntaxProblem(Reply(555, "5.5.4", f"Parameter {keyword} not recognized"))
        if keyword in params:
            raise _bad_param(f"Parameter {keyword} given twice")
        if keyword in _VALUES and not _VALUES[keyword].fullmatch(value or ""):
            raise _bad_param(f"Bad value of parameter {keyword}")
        params[keyword] = value
    return params


def _bad_param(text: str) -> SyntaxProblem:
    return SyntaxProblem(Reply(501, "5.5.4", text))


def _build_address(local: str, domain: str, utf8: bool, problem: Reply) -> str:
    if local[0] == '"':
        local = _requote(local)
    if domain[0] == "[" and not _is_address_literal(domain):
        raise SyntaxProblem(problem)
    address = f"{local}@{domain}"
    if not address.isascii() and not utf8:
        # RFC 6531 §3.5; the status is of RFC 5248's registry
        raise SyntaxProblem(Reply(553, "5.6.7", "Non-ASCII address without SMTPUTF8"))
    sizes = len(local.encode()), len(domain.encode())
    if sizes[0] > MAX_LOCAL_PART or sizes[1] > MAX_DOMAIN or sum(sizes) + len("<@>") > MAX_PATH:
        raise SyntaxProblem(problem)
    return address


def _requote(local: str) -> str:
    """Return a quoted local part with as few quotes as possible, so that it has one spelling.

    RFC 5321 §4.1.2: `"joe"`, `"j\\oe"` and `joe` are the same mailbox.
    """
    content = re.sub(r"\\(.)", r"\1", local[1:-1])
    if _DOT_STRING.fullmatch(content):
        return content
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'


def _is_address_literal(domain: str) -> bool:
    """Whether this is the literal of an IPv4 or IPv6 address (RFC 5321 §4.1.3)."""
    literal = domain[1:-1]
    try:
        if literal[:5].upper() == "IPV6:":
            # A zone is of no use to anybody but its own host.
            return "%" not in literal and bool(ipaddress.IPv6Address(literal[5:]))
        return bool(ipaddress.IPv4Address(literal))
    except ValueError:
        return False


def decode_plain(response: bytes) -> tuple[str, str]:
    """Read a response of AUTH PLAIN (RFC 4616 §2): the username and the password."""
    fields = _decode_base64(response).split("\0")
    if len(fields) != 3 or not fields[1] or not fields[2]:
        raise SyntaxProblem(BAD_RESPONSE)
    authzid, authcid, password = fields
    if authzid not in ("", authcid):
        # Nobody acts as somebody else here.
        raise SyntaxProblem(Reply(535, "5.7.8", "Authorization identity differs from username"))
    return authcid, password


def decode_login(response: bytes) -> str:
    """Read a response of AUTH LOGIN, which is the username or the password alone."""
    text = _decode_base64(response)
    if not text or "\0" in text:
        raise SyntaxProblem(BAD_RESPONSE)
    return text


def _decode_base64(response: bytes) -> str:
    # Bad characters are refused, not skipped (RFC 4954 §4).
    try:
        return binascii.a2b_base64(response, strict_mode=True).decode()
    except ValueError:
        raise SyntaxProblem(BAD_RESPONSE) from None
