"""Commands, addresses, parameters and responses, by the letter."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.smtp.grammar import (
    SyntaxProblem,
    decode_login,
    decode_plain,
    parse_command,
    parse_mail,
    parse_name,
    parse_rcpt,
)

KNOWN = frozenset({"SIZE", "BODY", "SMTPUTF8", "AUTH"})


def sender(path: str, params: str = "") -> str:
    return parse_mail(f"FROM:{path}{params}".encode(), KNOWN)[0]


def recipient(path: str, *, utf8: bool = False) -> str:
    return parse_rcpt(f"TO:{path}".encode(), (), utf8=utf8)[0]


def refusal(parse, *args, **kwargs) -> str:
    """The code and status of the reply that refuses this."""
    with pytest.raises(SyntaxProblem) as refused:
        parse(*args, **kwargs)
    reply = refused.value.reply
    assert str(refused.value) == str(reply)
    return f"{reply.code} {reply.status}"


class TestCommand:
    def test_a_verb_has_no_case(self):
        assert parse_command(b"mAiL FROM:<A@b>") == ("MAIL", b"FROM:<A@b>")

    def test_white_space_at_the_end_is_nothing(self):
        assert parse_command(b"QUIT  ") == ("QUIT", b"")

    @pytest.mark.parametrize(
        "line", [b"", b" NOOP", b"NOOP\t", b"NO\0OP", b"NOOP\r", b"N00P", b"\xc3\xa9", b"NOOP\x7f"]
    )
    def test_not_every_line_is_a_command(self, line):
        assert refusal(parse_command, line) == "500 5.5.2"

    def test_a_client_may_call_itself_what_it_likes(self):
        assert parse_name(b"[192.0.2.1]") == "[192.0.2.1]"
        assert parse_name(b"my_computer") == "my_computer"

    @pytest.mark.parametrize("name", [b"", b"my computer", b"caf\xc3\xa9", b"a" * 256])
    def test_but_in_one_word_of_ascii(self, name):
        assert refusal(parse_name, name) == "501 5.5.4"


ADDRESSES = [
    "alice@example.com",
    "Alice.Smith+tag@Example.COM",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "alice@my_host.example",
    "alice@xn--bcher-kva.example",
    "alice@localhost",
    "alice@123.456",
    '"alice smith"@example.com',
    '"a@b"@example.com',
    '"a>b"@example.com',
    '""@example.com',
    r'"a\"b\\c"@example.com',
    "alice@[192.0.2.1]",
    "alice@[IPv6:2001:db8::1]",
    "a" * 64 + "@example.com",
    "alice@" + ".".join(["a" * 61] * 4),
]
NO_ADDRESSES = [
    "alice",
    "alice@",
    "@example.com",
    "alice@example.com>",
    "<alice@example.com",
    "alice@@example.com",
    "alice smith@example.com",
    ".alice@example.com",
    "alice.@example.com",
    "alice..smith@example.com",
    "alice@example..com",
    "alice@.example.com",
    "alice@example.com.",
    "alice@-example.com",
    "alice@example-.com",
    "alice@exam ple.com",
    "alice@example.com,bob@example.com",
    "alice@[192.0.2.256]",
    "alice@[192.0.2]",
    "alice@[IPv6:2001:db8::g]",
    "alice@[IPv6:fe80::1%eth0]",
    "alice@[2001:db8::1]",
    "alice@[x-tag:y]",
    "alice@[]",
    '"alice@example.com',
    '"al"ice@example.com',
    r'"alice\"@example.com',
    "a" * 65 + "@example.com",
    "alice@" + "a" * 64,
    "alice@" + ".".join(["a" * 62] * 4),
    "alice@\u2028",
    "al\x85ice@example.com",
]


class TestPath:
    @pytest.mark.parametrize("address", ADDRESSES)
    def test_an_address_is_taken_as_it_is(self, address):
        assert sender(f"<{address}>") == recipient(f"<{address}>") == address

    @pytest.mark.parametrize("address", NO_ADDRESSES)
    def test_what_is_no_address_is_refused(self, address):
        assert refusal(sender, f"<{address}>", " SMTPUTF8") == "501 5.1.7"
        assert refusal(recipient, f"<{address}>", utf8=True) == "501 5.1.3"

    def test_only_the_reverse_path_may_be_null(self):
        assert sender("<>") == ""
        assert refusal(recipient, "<>") == "501 5.1.3"

    def test_only_the_postmaster_needs_no_domain(self):
        assert recipient("<Postmaster>") == "Postmaster"
        assert refusal(sender, "<postmaster>") == "501 5.1.7"
        assert refusal(recipient, "<hostmaster>") == "501 5.1.3"

    def test_a_space_after_the_colon_is_forgiven_but_not_two(self):
        assert sender(" <a@b>") == recipient(" <a@b>") == "a@b"
        assert refusal(sender, "  <a@b>") == "501 5.1.7"

    @pytest.mark.parametrize("path", ["a@b", "a@b SIZE=1", "Alice <a@b>", "<a@b>SIZE=1", ""])
    def test_angle_brackets_are_not_optional(self, path):
        assert refusal(sender, path) == "501 5.1.7"

    @pytest.mark.parametrize("argument", [b"", b"<a@b>", b"TO:<a@b>", b"FROM <a@b>", b"FRO"])
    def test_the_keyword_is_not_optional(self, argument):
        assert refusal(parse_mail, argument, KNOWN) == "501 5.5.4"

    def test_a_source_route_is_forgotten(self):
        assert recipient("<@a.example:c@d>") == "c@d"
        assert recipient("<@a.example,@b.example:c@d>") == "c@d"
        assert refusal(recipient, "<@a.example:>") == "501 5.1.3"
        assert refusal(recipient, "<@a.example;c@d>") == "501 5.1.3"

    def test_quotes_that_are_not_needed_go(self):
        assert sender('<"alice"@b>') == "alice@b"
        assert sender(r'<"al\ice"@b>') == "alice@b"
        assert sender(r'<"alice\ smith"@b>') == '"alice smith"@b'

    def test_utf_8_needs_smtputf8(self):
        assert sender("<jürgen@b>", " SMTPUTF8") == "jürgen@b"
        assert refusal(sender, "<jürgen@b>") == "553 5.6.7"
        assert recipient("<c@例子.广告>", utf8=True) == "c@例子.广告"
        assert refusal(recipient, "<c@例子.广告>") == "553 5.6.7"

    def test_what_is_no_utf_8_is_refused(self):
        assert refusal(parse_mail, b"FROM:<j\xfc@b> SMTPUTF8", KNOWN) == "501 5.1.7"

    def test_lengths_are_in_octets(self):
        assert sender(f"<{'ü' * 32}@b>", " SMTPUTF8") == f"{'ü' * 32}@b"
        assert refusal(sender, f"<{'ü' * 33}@b>", " SMTPUTF8") == "501 5.1.7"

    def test_local_part_and_domain_together_have_a_limit(self):
        domain = ".".join(["a" * 61] * 4)

        assert sender(f"<alice67@{domain[1:]}>") == f"alice67@{domain[1:]}"
        assert refusal(sender, f"<alice678@{domain[1:]}>") == "501 5.1.7"


class TestParams:
    def test_a_keyword_has_no_case_and_a_value_may_miss(self):
        argument = b"FROM:<a@b>  size=10 Body=8bitMIME  SMTPUTF8 auth=<>"

        assert parse_mail(argument, KNOWN)[1] == {
            "SIZE": "10",
            "BODY": "8bitMIME",
            "SMTPUTF8": None,
            "AUTH": "<>",
        }

    @pytest.mark.parametrize(
        "params",
        ["SIZE", "SIZE=", "SIZE=-1", "SIZE=1e3", "SIZE=" + "1" * 21, "BODY=BINARYMIME"]
        + ["SMTPUTF8=1", "SIZE=1 SIZE=1", "-X", "=1", "SIZE=1=2", "SIZE=\u0661", "é", "AUTH"],
    )
    def test_bad_ones_are_refused(self, params):
        assert refusal(sender, "<a@b>", f" {params}") == "501 5.5.4"

    def test_unknown_ones_are_refused(self):
        assert refusal(sender, "<a@b>", " RET=HDRS") == "555 5.5.4"
        assert refusal(recipient, "<a@b> SIZE=1") == "555 5.5.4"


def encode(text: str) -> bytes:
    return base64.b64encode(text.encode())


class TestPlain:
    def test_it_has_a_username_and_a_password(self):
        assert decode_plain(encode("\0alice\0pässword")) == ("alice", "pässword")

    def test_one_may_act_as_oneself_but_as_nobody_else(self):
        assert decode_plain(encode("alice\0alice\0secret")) == ("alice", "secret")
        assert refusal(decode_plain, encode("bob\0alice\0secret")) == "535 5.7.8"

    @pytest.mark.parametrize(
        "text", ["", "alice", "alice\0secret", "\0alice\0", "\0\0secret", "\0a\0b\0", "\0a\0b\0c"]
    )
    def test_each_field_is_there_and_no_more(self, text):
        assert refusal(decode_plain, encode(text)) == "501 5.5.2"


class TestLogin:
    def test_it_is_a_word(self):
        assert decode_login(encode("alice")) == "alice"

    @pytest.mark.parametrize("text", ["", "ali\0ce", "\0"])
    def test_it_is_there_and_has_no_nul(self, text):
        assert refusal(decode_login, encode(text)) == "501 5.5.2"

    @pytest.mark.parametrize(
        "response", [b"YQ", b"YQ=", b"YQ===", b"Y Q==", b"YQ==YQ==", b"!YQ==", b"=", b"/w=="]
    )
    def test_base64_and_utf_8_are_strict(self, response):
        assert refusal(decode_login, response) == "501 5.5.2"


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='FROMT:<>@."\\,[] aé1=', max_size=40))
def test_random_octets_raise_nothing_else(octets):
    octets = octets if isinstance(octets, bytes) else octets.encode()
    refused = 0
    for parse in (
        lambda line: parse_command(line),
        lambda line: parse_mail(b"FROM:<" + line, KNOWN),
        lambda line: parse_rcpt(b"TO:<" + line, (), utf8=True),
        lambda line: decode_plain(line),
        lambda line: decode_login(line),
        lambda line: parse_name(line),
    ):
        try:
            parse(octets)
        except SyntaxProblem as problem:
            refused += problem.reply.is_permanent
    # No response is one of PLAIN and of LOGIN: there are two NUL in the one, none in the other.
    assert refused > 0
