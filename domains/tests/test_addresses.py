import re
from email.utils import formataddr, getaddresses

import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains import addresses
from domains.addresses import AddressError, Mailbox


def addresses_in(value):
    return [mailbox.address for mailbox in addresses.parse_mailboxes(value)]


class TestParseMailboxes:
    @pytest.mark.parametrize(
        ("value", "name", "address"),
        [
            ("alice@alices.example", "", "alice@alices.example"),
            ("<alice@alices.example>", "", "alice@alices.example"),
            ("Alice <alice@alices.example>", "Alice", "alice@alices.example"),
            ('"Alice" <alice@alices.example>', "Alice", "alice@alices.example"),
            ("Alice<alice@alices.example>", "Alice", "alice@alices.example"),
            ('"Alice, A." <a@b.test>', "Alice, A.", "a@b.test"),
            ("Alice Q. Public <a@b.test>", "Alice Q. Public", "a@b.test"),
            (r'"Alice \"A\" \\o/" <a@b.test>', r'Alice "A" \o/', "a@b.test"),
            ('"Alice"\t"A" <a@b.test>', "Alice A", "a@b.test"),
            ("Alice   A <a@b.test>", "Alice A", "a@b.test"),
            ("Alice (at work) A <a@b.test> (old)", "Alice A", "a@b.test"),
            ("a@b.test (Alice (at home))", "", "a@b.test"),
            (r"Alice (A nice \) woman) <a@b.test>", "Alice", "a@b.test"),
            ("Alice\r\n <a@b.test>\r\n", "Alice", "a@b.test"),
            ('"Alice\r\n\tA" <a@b.test>', "Alice A", "a@b.test"),
            ("Alice < a@b.test >", "Alice", "a@b.test"),
            ("A@B.Test", "", "A@b.test"),
            ("a.b+c=d@b.test", "", "a.b+c=d@b.test"),
            ("o'neill!#$%&*/?^_`{|}~-@b.test", "", "o'neill!#$%&*/?^_`{|}~-@b.test"),
            ('"a b"@b.test', "", '"a b"@b.test'),
            ("a@b.test <a@b.test>", "a@b.test", "a@b.test"),
            ("A@b.test <a@B.test>", "A@b.test", "a@b.test"),
            ('"bob@bobs.example" <a@b.test>', "bob@bobs.example", "a@b.test"),
            ('"bob@bobs.example (via App)" <a@b.test>', "bob@bobs.example (via App)", "a@b.test"),
            ('"Bob <bob@b.test>" <a@B.test>', "Bob <bob@b.test>", "a@b.test"),
            ("Zoë <zoë@b.test>", "Zoë", "zoë@b.test"),
            ("zoe@bücher.example", "", "zoe@xn--bcher-kva.example"),
            ("zoe@xn--bcher-kva.example", "", "zoe@xn--bcher-kva.example"),
        ],
    )
    def test_it_reads_one_mailbox(self, value, name, address):
        local_part, _, domain = address.rpartition("@")

        assert addresses.parse_mailboxes(value) == [Mailbox(name, local_part, domain)]
        assert addresses.parse_mailboxes(value.encode()) == [Mailbox(name, local_part, domain)]

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("", []),
            (" ,, ", []),
            ("(nobody)", []),
            ("undisclosed-recipients:;", []),
            ("a@b.test, c@d.test", ["a@b.test", "c@d.test"]),
            ('"A, B" <a@b.test>,C <c@d.test>', ["a@b.test", "c@d.test"]),
            ("a@b.test,\r\n\tc@d.test,", ["a@b.test", "c@d.test"]),
            ("Team: a@b.test, C <c@d.test>;", ["a@b.test", "c@d.test"]),
            ("x@y.test, Team (all): a@b.test;, c@d.test", ["x@y.test", "a@b.test", "c@d.test"]),
            ('"The: Team":a@b.test;(end)', ["a@b.test"]),
            (
                "A Group(Some people)\r\n     :Chris Jones <c@public.example>,\r\n"
                "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end)",
                ["c@public.example", "joe@example.org", "jdoe@one.test"],
            ),
        ],
    )
    def test_it_reads_lists_and_groups(self, value, found):
        assert addresses_in(value) == found

    @pytest.mark.parametrize(
        ("phrase", "name"),
        [
            ("=?utf-8?q?Zo=C3=AB_A?=", "Zoë A"),
            ("=?UTF-8?B?Wm/Dqw==?=", "Zoë"),
            ("=?UTF-8?B?Wm/Dqw?=", "Zoë"),
            ("=?iso-8859-1*de?Q?Zo=EB?=", "Zoë"),
            ("=?utf-8?q?Zo?=\r\n =?utf-8?q?=C3=AB?= A", "Zoë A"),
            ('"=?utf-8?q?Zo=C3=AB?="', "Zoë"),
            ("=?utf-8?q?a=FFb?=", "a\ufffdb"),
            ("=?unknown?q?abc?=", "=?unknown?q?abc?="),
            ("=?punycode?q?abc?=", "=?punycode?q?abc?="),
            ("=?windows-9999?q?abc?=", "=?windows-9999?q?abc?="),
            ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
            ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ],
    )
    def test_it_decodes_encoded_words_for_display(self, phrase, name):
        assert addresses.parse_mailboxes(f"{phrase} <a@b.test>") == [Mailbox(name, "a", "b.test")]

    def test_it_tolerates_foreign_octets_in_a_name(self):
        found = addresses.parse_mailboxes(b"Zo\xeb <a@b.test>")

        assert found == [Mailbox("Zo\N{REPLACEMENT CHARACTER}", "a", "b.test")]


class TestConfusion:
    """One customer must not send as another because somebody reads a field differently."""

    @pytest.mark.parametrize(
        "value",
        [
            # Two addresses where one should be.
            "a@evil.test <b@good.test>",
            "b@good.test <a@evil.test>",
            "<b@good.test> <a@evil.test>",
            "<b@good.test><a@evil.test>",
            "Bob <b@good.test>a@evil.test",
            "<<b@good.test>a@evil.test>",
            "b@good.test a@evil.test",
            "b@good.test; a@evil.test",
            "a@evil.test@good.test",
            "b@good.test, a@evil.test <b@good.test>",
            "b@good.test: a@evil.test;",
            '"b@good.test": a@evil.test;',
            # Quoted strings that some do not see the end of.
            '"<b@good.test>" <a@evil.test>',
            '"b@good.test," <a@evil.test>',
            r'"x\" <b@good.test>, \"y" <a@evil.test>',
            '"b@good.test <a@evil.test>',
            'b@good.test" <a@evil.test>',
            '"b@good.test"x"@evil.test',
            # Comments.
            "a@evil.test (<b@good.test>)",
            "(b@good.test) a@evil.test",
            "a@evil.test (b@good.test)",
            "<a@evil.test(b)>",
            "<a(b)@evil.test>",
            "a@(b)evil.test",
            "a@evil.test (",
            "a@evil.test )",
            "((()a@evil.test",
            '(") b@good.test (") a@evil.test',
            # Local parts that look like addresses.
            '"b@good.test"@evil.test',
            '"b@good.test,"@evil.test',
            r'"b\@good.test"@evil.test',
            "b\\@good.test@evil.test",
            "b＠good.test@evil.test",
            "b@good.test＠evil.test",
            # Source routes.
            "<@evil.test:b@good.test>",
            "<@evil.test,@other.test:b@good.test>",
            "Bob <@good.test:a@evil.test>",
            # Encoded words that decode to addresses.
            "=?utf-8?q?b=40good.test?= <a@evil.test>",
            "=?utf-8?b?PGJAZ29vZC50ZXN0Pg==?= <a@evil.test>",
            '"=?utf-8?q?=3Cb=40good.test=3E?=" <a@evil.test>',
            "=?utf-8?q?b=40evil.?= =?utf-8?q?test?= <a@evil.test>",
            "=?utf-8?q?b=40good.test=2C?=@evil.test",
            "=?utf-8?q?b=40good.test?=",
            # What cannot be seen.
            "b@good.test\0@evil.test",
            "a@evil.test\0",
            "\0 <a@evil.test>",
            "=?utf-8?q?b=00?= <a@evil.test>",
            "=?utf-8?b?DQpCY2M6?= <a@evil.test>",
            "a@evil.test\r\nFrom: b@good.test",
            "a@evil.test\n b",
            "a@evil.test\r",
            "a\u200b@evil.test",
            "a@evil.test\u200b",
            "a@ev\u00adil.test",
            "a@evil.test\u2028",
            "\ud800@evil.test",
            "a@\udcffevil.test",
            # Domains that are mapped here and not there.
            "a@evil．test",
            "a@evil。test",
            "a@evil｡test",
            "a@ｅvil.test",
            "a@\u212avil.test",  # the sign of the kelvin, which is a K
            "a@straße.test",
            "a@evil.test.",
            "a@.evil.test",
            "a@evil..test",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "a@localhost",
            "a@evil_.test",
            "a@-evil.test",
            # Not addresses at all.
            "Alice",
            "<>",
            "Alice <>",
            "@evil.test",
            "a@",
            "a @evil.test",
            "a@ evil.test",
            ".a@evil.test",
            "a..b@evil.test",
            "a.@evil.test",
            '""@evil.test',
            "Team: a@evil.test",
            "Team: Sub: a@evil.test;;",
            "a@evil.test;",
        ],
    )
    def test_it_refuses_what_can_be_read_in_two_ways(self, value):
        with pytest.raises(AddressError) as refusal:
            addresses.parse_mailboxes(value)

        sentence = str(refusal.value)
        assert sentence.isascii() and sentence.isprintable() and len(sentence) < 200

    def test_it_refuses_foreign_octets_in_an_address(self):
        for value in (b"zo\xeb@b.test", b"a@b\xeb.test"):
            with pytest.raises(AddressError):
                addresses.parse_mailboxes(value)

    def test_it_refuses_what_is_too_long(self):
        assert addresses_in("a" * 64 + "@b.test") == ["a" * 64 + "@b.test"]
        for value in ("a" * 65 + "@b.test", "ë" * 33 + "@b.test", "a@b.test," * 8_000):
            with pytest.raises(AddressError):
                addresses.parse_mailboxes(value)


class TestNormaliseDomain:
    @pytest.mark.parametrize(
        ("written", "domain"),
        [
            ("alices.example", "alices.example"),
            ("Alices.Example.", "alices.example"),
            ("Bücher.Example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("alices．example", "alices.example"),
            ("alices。example｡", "alices.example"),
            ("ａlices.example", "alices.example"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("1and1.example", "1and1.example"),
            ("r3---sn.example", "r3---sn.example"),
            (f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}", None),
        ],
    )
    def test_it_gives_lower_case_a_labels(self, written, domain):
        assert addresses.normalise_domain(written) == (domain or written)

    @pytest.mark.parametrize(
        "written",
        [
            "",
            ".",
            "example",
            "a..b",
            ".a.b",
            "a.b..",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b.c",
            " a.b",
            "a.b\n",
        ]
        + [
            "192.0.2.1",
            "a.1",
            "[192.0.2.1]",
            "a@b.c",
            "a.b:25",
            "a/b.c",
            "℀.test",
            "a\0.b",
            "\ud800.b",
        ]
        + [
            "❤.example",
            "\u200d.example",
            "a" * 64 + ".b",
            "ü" * 60 + ".b",
            "a." * 127 + "b",
            "é." * 200,
        ],
    )
    def test_it_refuses_what_is_not_a_domain(self, written):
        with pytest.raises(AddressError):
            addresses.normalise_domain(written)


class TestSplitAddress:
    @pytest.mark.parametrize(
        ("address", "parts"),
        [
            ("Alice@Alices.Example", ("Alice", "alices.example")),
            ('"a b"@b.test', ('"a b"', "b.test")),
            ("a@bücher．example", ("a", "xn--bcher-kva.example")),
        ],
    )
    def test_it_splits_at_the_at(self, address, parts):
        assert addresses.split_address(address) == parts

    @pytest.mark.parametrize(
        "address", ["", "a", "a@", "@b.test", "a@b@c.test", " a@b.test", "<a@b.test>", "a@b.test\n"]
    )
    def test_it_refuses_what_is_not_an_address(self, address):
        with pytest.raises(AddressError):
            addresses.split_address(address)


# The pieces of which confusing fields are made.
PIECES = [
    "a@evil.test",
    "b@good.test",
    "<a@evil.test>",
    "<b@good.test>",
    '"b@good.test"',
    "a",
    "(c)",
]
PIECES += [
    "=?utf-8?q?b=40good.test?=",
    "=?utf-8?b?PGJAZ29vZC50ZXN0Pg==?=",
    "evil.test",
    "[1.2.3.4]",
]
PIECES += [*'<>"\\(),;:@ .\t\0', "\r\n ", "\r\n", "．", "é", "\ud800", "\u200b"]
FIELDS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), st.text())
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@settings(deadline=None, max_examples=500)
@given(FIELDS)
def test_any_text_is_read_or_refused(value):
    for read in (addresses.parse_mailboxes, addresses.split_address, addresses.normalise_domain):
        try:
            read(value)
        except AddressError as refusal:
            assert str(refusal).isascii()


@settings(deadline=None)
@given(st.binary())
def test_any_octets_are_read_or_refused(value):
    try:
        found = addresses.parse_mailboxes(value)
    except AddressError:
        return
    assert all(mailbox.domain.isascii() for mailbox in found)


@settings(deadline=None, max_examples=1000)
@given(FIELDS)
def test_nobody_finds_another_domain_in_what_we_read(value):
    try:
        ours = {mailbox.domain for mailbox in addresses.parse_mailboxes(value)}
    except AddressError:
        return
    unfolded = re.sub(r"\r\n(?=[ \t])", "", value.removesuffix("\r\n"))
    lenient = [address for _, address in getaddresses([unfolded]) if address]
    careless = re.findall("<([^<>]*)>", unfolded)
    theirs = {address.rpartition("@")[2].strip().lower() for address in lenient + careless}

    assert {idna.encode(domain).decode() for domain in theirs} <= ours


@settings(deadline=None)
@given(
    st.text(
        st.characters(min_codepoint=32, codec="utf-8", exclude_characters="@\x7f"), max_size=50
    ),
    st.text(LETTERS + "._-+", min_size=1, max_size=64).filter(
        lambda text: re.fullmatch(r"[^.]+(\.[^.]+)*", text)
    ),
    st.lists(st.text(LETTERS, min_size=1, max_size=20), min_size=1, max_size=4),
)
def test_what_the_standard_library_writes_is_read_back(name, local_part, labels):
    domain = ".".join([*labels, "test"])
    written = formataddr((name, f"{local_part}@{domain}"))

    assert [mailbox.address for mailbox in addresses.parse_mailboxes(written)] == [
        f"{local_part}@{domain}"
    ]


@settings(deadline=None)
@given(st.text(max_size=100))
def test_a_domain_once_normalised_stays_as_it_is(text):
    try:
        domain = addresses.normalise_domain(text)
    except AddressError:
        return
    assert addresses.normalise_domain(domain) == domain
