"""Obey SMTP commands (RFC 5321 §4.1.1): each is answered at once, or is an event for the shell.

What is an error raises SyntaxProblem; errors are counted, and end the session in the end.
"""

from collections.abc import Callable

from messages.smtp import grammar
from messages.smtp.grammar import SyntaxProblem
from messages.smtp.replies import Reply
from messages.smtp.sasl import Exchange
from messages.smtp.server_events import (
    Authenticate,
    Data,
    Event,
    Mail,
    Oversized,
    Rcpt,
    StartTls,
    Unreadable,
)
from messages.smtp.server_state import State

OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Bye")
HELP = Reply(214, "2.0.0", "AUTH DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY")
# Whether an address exists is not for everybody to ask (RFC 5321 §7.3).
CANNOT_VERIFY = Reply(252, "2.5.0", "Cannot verify, but will take mail and attempt delivery")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command unrecognized")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
NO_ARGUMENT = Reply(501, "5.5.4", "Syntax error, no parameters allowed")
SEND_EHLO = Reply(503, "5.5.1", "Send EHLO first")
SEND_MAIL = Reply(503, "5.5.1", "Send MAIL first")
SEND_RCPT = Reply(503, "5.5.1", "Send RCPT first")
NESTED_MAIL = Reply(503, "5.5.1", "Nested MAIL command")
IN_TRANSACTION = Reply(503, "5.5.1", "Not during a mail transaction")
TLS_ACTIVE = Reply(503, "5.5.1", "TLS is already active")
AUTHENTICATED = Reply(503, "5.5.1", "Already authenticated")
TLS_FIRST = Reply(530, "5.7.0", "Must issue STARTTLS first")
AUTH_FIRST = Reply(530, "5.7.0", "Authentication required")
AUTH_IN_CLEAR = Reply(538, "5.7.11", "Encryption required for requested authentication mechanism")
NO_RECIPIENTS = Reply(554, "5.5.1", "No valid recipients")
# RFC 5321 §4.5.3.1.8 wants a hundred recipients; whoever names more for ever fills our memory.
MAX_RCPT = 1000
TOO_MANY_RCPT = Reply(452, "4.5.3", "Too many RCPT commands")
IMPROPER_PIPELINING = Reply(554, "5.5.0", "Improper pipelining")

Outcome = Reply | Event


def obey(state: State, line: bytes, has_more: bool) -> Outcome:
    """Do what a line says: a command, or the next response of an AUTH that goes on.

    `has_more`: something came behind it already.
    """
    if state.exchange is not None:
        return respond(state, state.exchange, line)
    verb, argument = grammar.parse_command(line)
    command = COMMANDS.get(verb)
    if command is None:
        raise SyntaxProblem(UNKNOWN_COMMAND)
    if has_more and verb in MUST_WAIT:
        return IMPROPER_PIPELINING
    if argument and verb in WITHOUT_ARGUMENT:
        raise SyntaxProblem(NO_ARGUMENT)
    return command(state, argument)


def ehlo(state: State, argument: bytes) -> Outcome:
    greet(state, argument)
    state.is_extended = True
    return Reply(250, "", "\n".join([state.config.hostname, *state.extensions()]))


def helo(state: State, argument: bytes) -> Outcome:
    greet(state, argument)
    state.is_extended = False
    return Reply(250, "", state.config.hostname)


def greet(state: State, argument: bytes) -> None:
    state.client_name = grammar.parse_name(argument)
    state.reset()  # RFC 5321 §4.1.4


def starttls(state: State, argument: bytes) -> Outcome:
    if not state.config.starttls:
        raise SyntaxProblem(NOT_IMPLEMENTED)
    if state.is_tls:
        raise SyntaxProblem(TLS_ACTIVE)
    if not state.is_extended:
        raise SyntaxProblem(SEND_EHLO)
    return StartTls()


def auth(state: State, argument: bytes) -> Outcome:
    if not state.config.auth:
        raise SyntaxProblem(NOT_IMPLEMENTED)
    if not state.is_extended:
        raise SyntaxProblem(SEND_EHLO)
    if state.username is not None:
        raise SyntaxProblem(AUTHENTICATED)
    if state.reverse_path is not None:
        raise SyntaxProblem(IN_TRANSACTION)  # RFC 4954 §4
    if not state.can_auth:
        raise SyntaxProblem(AUTH_IN_CLEAR)

    mechanism, _, initial = argument.partition(b" ")
    exchange = Exchange(mechanism)
    if initial:
        # "=" would be an empty response (RFC 4954 §4), which is none of PLAIN or LOGIN anyway.
        return respond(state, exchange, initial)
    state.exchange = exchange
    return exchange.challenge


def respond(state: State, exchange: Exchange, response: bytes) -> Outcome:
    """Take the next step of an AUTH exchange; an error ends it."""
    state.exchange = None
    credentials = exchange.take(response)
    if credentials is not None:
        return Authenticate(*credentials)
    state.exchange = exchange
    return exchange.challenge


def mail(state: State, argument: bytes) -> Outcome:
    if not state.client_name:
        raise SyntaxProblem(SEND_EHLO)
    if state.config.require_tls and not state.is_tls:
        raise SyntaxProblem(TLS_FIRST)
    if state.config.require_auth and state.username is None:
        raise SyntaxProblem(AUTH_FIRST)
    if state.reverse_path is not None:
        raise SyntaxProblem(NESTED_MAIL)

    try:
        reverse_path, params = grammar.parse_mail(argument, state.known_params)
    except SyntaxProblem as problem:
        return _unreadable(state, "MAIL", argument, problem)
    if int(params.get("SIZE") or 0) > state.max_size:
        # No error of the client's, who could not know better before EHLO (RFC 1870 §6.1).
        return Oversized(state.max_size, reverse_path)
    return Mail(reverse_path, params)


def rcpt(state: State, argument: bytes) -> Outcome:
    if state.reverse_path is None:
        raise SyntaxProblem(SEND_MAIL)
    state.rcpt_count += 1
    if state.rcpt_count > MAX_RCPT:
        raise SyntaxProblem(TOO_MANY_RCPT)
    utf8 = "SMTPUTF8" in state.mail_params
    try:
        forward_path, params = grammar.parse_rcpt(argument, (), utf8=utf8)
    except SyntaxProblem as problem:
        return _unreadable(state, "RCPT", argument, problem)
    if "@" not in forward_path:
        # "postmaster" is ours, as everywhere (RFC 5321 §4.5.1).
        forward_path = f"{forward_path}@{state.config.hostname}"
    return Rcpt(forward_path, params)


def _unreadable(state: State, verb: str, argument: bytes, problem: SyntaxProblem) -> Unreadable:
    """Tell the shell of what it keeps for its customers; what strangers say is nobody's."""
    if state.username is None:
        raise problem
    path = argument.decode(errors="replace").partition(":")[2].strip()
    return Unreadable(verb, path, problem.reply)


def data(state: State, argument: bytes) -> Outcome:
    if state.reverse_path is None:
        raise SyntaxProblem(SEND_MAIL)
    if state.recipients:
        return Data()
    if state.has_refused_recipients:
        # Who pipelines has sent this before our refusals could arrive (RFC 2920 §3.1).
        return NO_RECIPIENTS
    raise SyntaxProblem(SEND_RCPT)


def rset(state: State, argument: bytes) -> Outcome:
    state.reset()
    return OK


def noop(state: State, argument: bytes) -> Outcome:
    return OK


def help_(state: State, argument: bytes) -> Outcome:
    return HELP


def vrfy(state: State, argument: bytes) -> Outcome:
    return CANNOT_VERIFY


def expn(state: State, argument: bytes) -> Outcome:
    raise SyntaxProblem(NOT_IMPLEMENTED)


def quit_(state: State, argument: bytes) -> Outcome:
    return BYE


COMMANDS: dict[str, Callable[[State, bytes], Outcome]] = {
    "AUTH": auth,
    "DATA": data,
    "EHLO": ehlo,
    "EXPN": expn,
    "HELO": helo,
    "HELP": help_,
    "MAIL": mail,
    "NOOP": noop,
    "QUIT": quit_,
    "RCPT": rcpt,
    "RSET": rset,
    "STARTTLS": starttls,
    "VRFY": vrfy,
}
# What follows these depends on our answer. Whoever does not wait for it would have us read a
# message as commands (RFC 2920 §3.1), or take for secured what was not (RFC 3207 §4).
MUST_WAIT = {"DATA", "STARTTLS"}
WITHOUT_ARGUMENT = {"DATA", "QUIT", "RSET", "STARTTLS"}
