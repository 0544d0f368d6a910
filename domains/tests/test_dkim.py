"""Signatures are checked by an implementation that is not ours: dkimpy."""

import re

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from domains import dkim, keys

PRIVATE_PEM, PUBLIC = keys.generate()
PRIVATE_KEY = load_pem_private_key(PRIVATE_PEM, None)
ALICE = dkim.Signer("alices.example", "0e7c28e2e4cm", PRIVATE_KEY)

FIELDS = [
    b"Received: from [192.0.2.1] by mta.example\r\n with ESMTPSA; Mon, 23 Nov 2026 01:00 +0000\r\n",
    b"From: Alice <alice@alices.example>\r\n",
    b"To: carol@example.net,\r\n\tdave@example.net\r\n",
    b"Subject: Your  order \t has shipped \r\n",
    b"Date: Mon, 23 Nov 2026 01:00:00 +0000\r\n",
    b"Message-ID: <1@alices.example>\r\n",
    b"MIME-Version: 1.0\r\n",
    b"List-Unsubscribe: <https://alices.example/u>\r\n",
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    b"Feedback-ID: a:b:c:cloudmta\r\n",
    b"X-Mailer: none\r\n",
]
BODY = b"Dear Carol,\r\n\r\nit is on its way.\r\n"


def sign(fields=FIELDS, body=BODY, signer=ALICE):
    return signer.sign(fields, body, timestamp=1_795_395_600)


def verifies(signature, fields=FIELDS, body=BODY, signer=ALICE):
    """Whether dkimpy, with a DNS of this one record, finds the signature good."""
    records = {f"{signer.selector}._domainkey.{signer.domain}.": keys.dkim_record(PUBLIC)}
    # SMTP ends a body that does not end in CRLF.
    body += b"" if body.endswith(b"\r\n") or not body else b"\r\n"
    message = signature + b"".join(fields) + b"\r\n" + body
    return dkimpy.verify(message, dnsfunc=lambda name, timeout: records[name.decode()].encode())


def tags(signature):
    value = signature.partition(b":")[2].replace(b"\r\n", b"").replace(b" ", b"")
    return dict(tag.split(b"=", 1) for tag in value.split(b";"))


class TestSignature:
    def test_it_verifies(self):
        assert verifies(sign())

    def test_it_is_one_field_of_short_lines(self):
        *lines, last = sign().split(b"\r\n")

        assert last == b""
        assert lines[0].startswith(b"DKIM-Signature: v=1;")
        assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
        assert max(map(len, lines)) <= 78

    def test_it_states_what_it_is(self):
        found = tags(sign())

        assert found.keys() == {b"v", b"a", b"c", b"d", b"s", b"t", b"h", b"bh", b"b"}
        assert found[b"a"] == b"rsa-sha256"
        assert found[b"c"] == b"relaxed/relaxed"
        assert found[b"d"] == b"alices.example"
        assert found[b"s"] == b"0e7c28e2e4cm"
        assert found[b"t"] == b"1795395600"

    def test_it_names_each_field_present_and_the_guarded_ones_once_more(self):
        names = tags(sign([*FIELDS, b"Cc: a@a.test\r\n", b"Cc: b@b.test\r\n"]))[b"h"].split(b":")

        assert names.count(b"from") == 2
        assert names.count(b"cc") == 3
        assert names.count(b"reply-to") == 1
        assert names.count(b"feedback-id") == 1
        assert names.count(b"list-unsubscribe-post") == 1
        assert b"sender" not in names
        assert {b"received", b"x-mailer"}.isdisjoint(names)

    def test_a_body_hashed_once_serves_two_signatures(self):
        platform = dkim.Signer("platform.example", "p1", PRIVATE_KEY)
        hashed = dkim.body_hash(BODY)
        alices = ALICE.sign_header(FIELDS, hashed, timestamp=1)
        platforms = platform.sign_header(FIELDS, hashed, timestamp=1)

        assert verifies(alices)
        assert verifies(platforms, [alices, *FIELDS], signer=platform)

    def test_the_same_message_gets_the_same_signature(self):
        assert sign() == sign()

    @pytest.mark.parametrize("length", [1, 60, 63])
    def test_it_verifies_for_domains_and_selectors_of_any_length(self, length):
        signer = dkim.Signer(f"{'d' * length}.{'e' * length}.example", "s" * length, PRIVATE_KEY)

        assert verifies(sign(signer=signer), signer=signer)

    def test_it_verifies_for_every_length_of_a_field(self):
        # Another server folded some lengths differently from what it had signed.
        for length in range(1, 301):
            fields = [*FIELDS[:2], b"Subject: " + b"x" * length + b"\r\n"]
            assert verifies(sign(fields), fields), length

    def test_it_folds_for_every_number_of_names(self):
        for count in range(40):
            fields = [*FIELDS, *[b"To: a@a.test\r\n"] * count]
            signature = sign(fields)
            assert max(map(len, signature.split(b"\r\n"))) <= 78, count
            assert verifies(signature, fields), count


class TestTampering:
    def test_a_changed_body_breaks_it(self):
        assert not verifies(sign(), body=BODY.replace(b"way", b"weg"))

    def test_an_appended_body_breaks_it(self):
        assert not verifies(sign(), body=BODY + b"PS: pay here.\r\n")

    @pytest.mark.parametrize("index", range(1, len(FIELDS) - 1))
    def test_a_changed_field_breaks_it(self, index):
        fields = [*FIELDS]
        fields[index] = fields[index].replace(b": ", b": x", 1)

        assert not verifies(sign(), fields)

    @pytest.mark.parametrize("name", dkim.OVERSIGNED)
    def test_a_second_field_of_a_guarded_name_breaks_it(self, name):
        added = name + b": Mallory <mallory@example.org>\r\n"

        assert not verifies(sign(), [added, *FIELDS])
        assert not verifies(sign(), [*FIELDS, added])

    def test_a_list_may_add_its_own_fields(self):
        assert verifies(sign(), [b"List-Id: <list.example.org>\r\n", *FIELDS, b"X-Y: z\r\n"])

    def test_a_relay_may_fold_anew_and_lose_white_space(self):
        fields = [field.replace(b"Alice <", b"Alice\r\n\t<") for field in FIELDS]

        assert verifies(sign(), fields, BODY.replace(b"on its", b"on \t its") + b"\r\n\r\n")


class TestCanonicalForm:
    """The examples of RFC 6376 §3.4.5 and §3.4.4, and what they leave out."""

    def test_fields_as_in_the_rfc(self):
        assert dkim.canonical_field(b"a", b" X\r\n") == b"a:X\r\n"
        assert dkim.canonical_field(b"b", b" Y\t\r\n\tZ  \r\n") == b"b:Y Z\r\n"

    def test_names_lose_their_case_and_the_space_behind(self):
        assert dkim.signed_header([b"SUBJect \t: X\r\n"])[1] == b"subject:X\r\n"

    def test_the_last_instance_is_signed_first(self):
        _, data = dkim.signed_header([b"To: a\r\n", b"From: x\r\n", b"To: b\r\n"])

        assert data == b"from:x\r\nto:b\r\nto:a\r\n"

    def test_the_body_as_in_the_rfc(self):
        body = b" C \r\nD \t E\r\n\r\n\r\n"

        assert dkim.canonical_body(body) == b" C\r\nD E\r\n"

    @pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b" \t\r\n \r\n", b"  "])
    def test_an_empty_body_hashes_as_in_the_rfc(self, body):
        assert dkim.body_hash(body) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

    @pytest.mark.parametrize(
        ("body", "canonical"),
        [
            (b"a", b"a\r\n"),
            (b"a \t", b"a\r\n"),
            (b"a\r\n ", b"a\r\n"),
            (b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n"),
            (b"a\r", b"a\r\r\n"),
            (b"a\n\r\n\r\n", b"a\n\r\n"),
            (b"a\r\n\r\r\n", b"a\r\n\r\r\n"),
            (b"a\0\r\n\0\r\n", b"a\0\r\n\0\r\n"),
            (b"a \n", b"a \n\r\n"),
        ],
    )
    def test_bodies_that_end_in_other_ways(self, body, canonical):
        assert dkim.canonical_body(body) == canonical

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"a", b"\xe9", b"\0"])))
    def test_it_is_what_a_plain_reading_of_the_rfc_gives(self, pieces):
        body = b"".join(pieces)
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
        while lines and not lines[-1]:
            lines.pop()

        assert dkim.canonical_body(body) == b"".join(line + b"\r\n" for line in lines)


# Whatever stands in a field or a line once control characters have been refused at the door.
OCTETS = st.sampled_from(
    [*(bytes([octet]) for octet in range(33, 256) if octet != 127), b" ", b"\t"]
)
TEXT = st.lists(OCTETS, min_size=1, max_size=300).map(b"".join)
FOLDED = st.lists(TEXT, min_size=1, max_size=4).map(b"\r\n ".join)
NAMES = st.sampled_from(
    [b"From", b"TO", b"cc", b"Subject", b"DATE", b"Message-ID", b"Reply-To", b"Sender", b"List-Id"]
    + [b"References", b"Content-Type", b"Received", b"X-Other", b"Feedback-ID", b"Resent-From"]
)
HEADERS = st.lists(st.builds(b"%b:%b\r\n".__mod__, st.tuples(NAMES, FOLDED)), max_size=12)
LINES = st.one_of(st.sampled_from([b"", b".", b"..", b" ", b"\t \t", b"a  b\t"]), TEXT)
BODIES = st.builds(
    bytes.__add__, st.lists(LINES, max_size=8).map(b"\r\n".join), st.sampled_from([b"", b"\r\n"])
)


@settings(deadline=None)
@given(HEADERS, BODIES)
def test_any_message_verifies(fields, body):
    assert verifies(sign(fields, body), fields, body)


@settings(deadline=None)
@given(HEADERS, BODIES, st.data())
def test_no_message_verifies_with_another_letter_in_its_body(fields, body, data):
    at = data.draw(st.integers(0, len(body)))
    changed = body[:at] + b"#" + body[at:]

    assert not verifies(sign(fields, body), fields, changed)
