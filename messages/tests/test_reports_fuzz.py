"""Whatever comes back, reading it raises nothing, takes no time to speak of, and is bounded."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from events.reasons import Reason
from messages import classifier, reports
from messages.reports import addresses, delivery_status, hypertext, mail, originals
from messages.smtp.phases import Phase
from messages.smtp.replies import Reply

SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent / "reports").rglob("*.eml"))]

LINES = [
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    b"Content-Type: multipart/mixed; boundary=\"=?b", b"Content-Type: multipart/digest; boundary=b",
    b"Content-Type: message/delivery-status", b"Content-Type: message/feedback-report",
    b"Content-Type: message/rfc822", b"Content-Type: text/html; charset=utf-7",
    b"Content-Type: text/plain; charset=iso-2022-jp", b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable", b"From: MAILER-DAEMON@x.test",
    b"Subject: Undelivered Mail Returned to Sender", b"Return-Path: <>", b"--b", b"--b--", b" --b",
    b"", b"", b"\t", b"Final-Recipient: rfc822; c@x.test", b"Final-Recipient: utf-8; \\x{D800}@x",
    b"Original-Recipient: rfc822;\\x{110000}", b"Action: failed", b"Action: \xff", b"Status: 5.1.1",
    b"Status: 99999999999.5.5", b"Diagnostic-Code: smtp; 550 5.1.1 <c@x.test>", b"Arrival-Date: 0",
    b"Arrival-Date: Mon, 99 Foo 99999 99:99:99 +9999", b"Feedback-Type: abuse", b"Feedback-Type:",
    b"could not be delivered to: <c@x.test>", b"<c@x.test>: 550 User unknown", b"c@x.test d@y.test",
    b"--- Below this line is a copy of the message.", b"X-Failed-Recipients: c@x.test, <, @",
    b"=?utf-8?B?//8=?= =?x?Q?=ZZ?=", b"<style><script><title></style>", b"&#1114112;&#xD800;&lt;",
    b"Received: from x (for <c@x.test>) for", b"Reporting-MTA: dns; x", b"To: \"a\" <a@b.test>,,",
]  # fmt: skip
LINE = st.one_of(st.sampled_from(LINES), st.binary(max_size=40))
MAILS = st.builds(
    lambda lines, end: end.join(lines),
    st.lists(LINE, max_size=40),
    st.sampled_from([b"\r\n", b"\n", b"\r"]),
)
KINDS = {"bounce", "soft_bounce", "blocked", "complaint"}
quick = settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(content: bytes) -> None:
    reports.is_other(content)
    for report in reports.read(content):
        assert report.kind in KINDS
        assert report.reason in Reason
        assert len(report.recipient) <= addresses.MAX_LENGTH
        assert report.original.arrival_date is None or report.original.arrival_date.tzinfo


class TestNothingComesOut:
    @given(MAILS)
    @quick
    @example(b"")
    @example(b"\n")
    @example(b"Content-Type: multipart/mixed; boundary=\n\n--\n")
    def test_of_whatever_lines(self, content: bytes) -> None:
        survives(content)

    @given(st.binary(max_size=2000))
    @quick
    def test_of_whatever_octets(self, content: bytes) -> None:
        survives(content)

    @given(
        st.sampled_from(SAMPLES),
        st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 60), LINE), max_size=6),
    )
    @quick
    def test_of_mail_that_was_damaged_on_its_way(self, content: bytes, cuts: list) -> None:
        for start, length, instead in cuts:
            start %= len(content) + 1
            content = content[:start] + instead + content[start + length :]
        survives(content)

    @given(MAILS, MAILS)
    @quick
    def test_of_the_readers_for_themselves(self, first: bytes, second: bytes) -> None:
        part = mail.parse(first)
        delivery_status.split(second)
        mail.unwrapped(part)
        text = second.decode("latin-1")
        hypertext.plain(text)
        originals.read_date(text)
        addresses.of_field(text)
        addresses.find_all(text)
        originals.header_of(part)

    @given(
        st.integers(200, 599),
        st.sampled_from(["", "5.1.1", "4.7.1", "5.999.999"]),
        st.one_of(st.text(max_size=60), st.lists(LINE, max_size=4).map(b" ".join).map(repr)),
        st.sampled_from([*Phase, None]),
    )
    @quick
    def test_of_the_classifier(
        self, code: int, status: str, text: str, phase: Phase | None
    ) -> None:
        judgement = classifier.of_reply(Reply(code, status, text), phase)

        assert judgement.kind != "bounce" or not 400 <= code <= 499


def nested(depth: int) -> bytes:
    heads = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    return b"".join(heads) + b"\nUser unknown: c@x.test\n"


MONSTERS = {
    "1,000 parts within each other": nested(1000),
    "1,000 messages within each other": b"Content-Type: message/rfc822\n\n" * 1000,
    "100,000 parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "100,000 recipients": b"Content-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822; c@x.test\nAction: failed\n\n" * 100_000,
    "a header of 5 MB": b"X: y\n" * 1_000_000,
    "a field of 5 MB": b"Subject: " + b"x" * 5_000_000,
    "folded for ever": b"Subject: x\n" + b" y\n" * 1_000_000,
    "50 MB": b"Subject: Undelivered\n\n" + b"<c@x.test>: 550 User unknown\n" * 1_700_000,
    "no line ends": b"Subject: Undelivered\n\n" + b"c@x.test " * 500_000,
    "at signs": b"From: mailer-daemon@x\nSubject: Undelivered\n\n" + b"@" * 2_000_000,
    "quotes": b"From: mailer-daemon@x\nSubject: Undelivered\n\n" + b'"a' * 1_000_000,
    "angle brackets": b"Content-Type: text/html\n\n" + b"<" * 2_000_000,
    "styles": b"Content-Type: text/html\n\n" + b"<style>" * 300_000,
    "entities": b"Content-Type: text/html\n\n" + b"&amp" * 500_000,
    "encoded words": b"Subject: " + b"=?utf-8?Q?=41?= " * 100_000 + b"\n\n",
    "parameters": b"Content-Type: a/b" + b"; x=y" * 100_000 + b"\n\n",
    "boundaries that begin alike": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + b"--bb\n" * 400_000,
    "separators": b"From: mailer-daemon@x\nSubject: Undelivered\n\n" + b"-" * 2_000_000,
    "blanks": b"From: mailer-daemon@x\nSubject: Undelivered\n\n" + b" " * 2_000_000,
    "words": b"From: mailer-daemon@x\n\n" + b"recipient address " * 100_000,
    "base64": b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * 500_000,
    "base64 in pieces": b"Content-Transfer-Encoding: base64\n\n" + b"Q=" * 1_000_000,
}


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_read_within_bounds(name: str) -> None:
    content = MONSTERS[name]
    tracemalloc.start()
    try:
        survives(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # A few copies of what is looked at; of the rest nothing.
    assert peak < 40 * mail.MAX_OCTETS
    assert len(reports.read(content)) <= delivery_status.MAX_RECIPIENTS
