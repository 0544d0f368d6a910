"""What looks like spam, and what a scanner may do to us: answer, hang, be gone, talk nonsense."""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import header
from messages.header import HeaderError
from messages.spam import rules, scanners
from messages.spam.scanners import Mail, Rspamd, Scanner, ScannerUnavailable, Spamd
from messages.spam.verdict import Verdict

CORPORA = Path(os.environ.get("CORPORA_DIR", Path(__file__).parents[3] / "shared" / "corpora"))
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
HEAD = (
    b"From: Alice <a@alices.example>\r\nTo: b@b.test\r\nSubject: Your order 4711\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@alices.example>\r\n"
    b"MIME-Version: 1.0\r\n"
)
ORDINARY = HEAD + b"\r\nYour order 4711 has left our house and arrives on Thursday.\r\n"


def score(content: bytes) -> Verdict:
    return rules.score(*header.split(content))


class TestRules:
    @pytest.mark.parametrize(
        "content",
        [
            HEAD + b"\r\n" + GTUBE + b"\r\n",
            HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(GTUBE),
            HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            + GTUBE.replace(b"GTUBE", b"G=\r\nTUBE"),
            HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(GTUBE).replace(b"\n", b"\r\n") + b"--b--\r\n",
        ],
    )  # fmt: skip
    def test_gtube_is_found_however_it_is_written(self, content):
        assert score(content).rules == ("GTUBE",)

    def test_a_part_is_decoded_by_each_encoding_that_it_names(self):
        twice = (
            b"Content-Transfer-Encoding: quoted-printable\r\nContent-Transfer-Encoding: base64\r\n"
        )
        part = b"Content-Type: text/plain\r\n" + twice + b"\r\n" + base64.b64encode(GTUBE)
        content = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part

        assert score(content + b"\r\n--b--\r\n").rules == ("GTUBE",)

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            (b"<a href=" + b" " * 200_000 + b"x javascript:", ()),
            (b"<a " * 150 + b"href=http://" + b"a" * 200_000, ()),
            (b"<form action " * 15_000 + b"=", ()),
            (b'<a href="' + b" " * 200_000 + b'javascript:x">', ("JAVASCRIPT_LINK",)),
        ],
    )  # fmt: skip
    def test_nothing_is_tried_again_and_again(self, text, rule):
        assert score(HEAD + b"Content-Type: text/html\r\n\r\n" + text).rules == rule

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ('<form action="http://192.0.2.7/x">', "FORM_TO_IP"),
            ('<a href="http://192.0.2.7/x">', "LINK_TO_IP"),
            ('<a href="http://192.0.2.7/x.exe">', "LINK_TO_PROGRAM_AT_IP"),
            ('<a href="https://evil.test/">https://bank.test/</a>', "LINK_SHOWS_ANOTHER_HOST"),
            ('<a href="javascript:steal()">', "JAVASCRIPT_LINK"),
            ("You have won the lottery, claim your prize", "LOTTERY"),
            ("Next of kin, ten million dollars, beneficiary, inheritance", "ADVANCE_FEE"),
            ("Cheap Viagra", "PILLS"),
            ("I recorded you. Pay in bitcoin.", "EXTORTION"),
            ("Casino: free spins, jackpot", "CASINO"),
        ],
    )
    def test_each_rule_sees_its_kind(self, text, rule):
        assert rule in score(HEAD + b"\r\n" + text.encode()).rules

    def test_capitals_and_a_bulk_mailer_are_seen_in_the_header(self):
        fields = b"Subject: MAKE MONEY NOW!!\r\nX-Mailer: Mass Mail 3\r\n"

        assert score(fields + b"\r\nx").rules == ("SHOUTING_SUBJECT", "BULK_MAILER")

    @pytest.mark.parametrize(
        "text",
        ["Pay your invoice of 1 million dollars by bitcoin.",
         '<a href="https://www.shop.test/">https://shop.test/</a>',
         "Our casino night: buy tickets", "You are the beneficiary of this policy."],
    )  # fmt: skip
    def test_one_ordinary_oddity_is_no_spam(self, text):
        assert score(HEAD + b"\r\n" + text.encode()).score < 3

    def test_ordinary_mail_is_far_below_the_limit(self):
        if not CORPORA.is_dir():
            pytest.skip(f"no corpora in {CORPORA}: set CORPORA_DIR")
        for line in (CORPORA / "negatives.jsonl").read_text().splitlines():
            path = CORPORA / json.loads(line)["path"]
            content = re.sub(rb"\r*\n", b"\r\n", path.read_bytes())
            try:
                assert score(content).score < 5, path
            except HeaderError:
                continue

    @given(st.binary(max_size=500))
    def test_whatever_comes_it_gets_a_score(self, junk):
        for fields in (b"", b"Content-Transfer-Encoding: base64\r\n",
                       b"Content-Transfer-Encoding: quoted-printable\r\n",
                       b"Content-Type: multipart/mixed\r\n"):  # fmt: skip
            content = HEAD + fields + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + junk
            assert score(content).score >= 0


def mail(content: bytes = ORDINARY) -> Mail:
    return Mail(content, "a@alices.example", ("b@b.test",), "alice", "id")


@asynccontextmanager
async def server(answer: bytes, *, hangs: bool = False) -> AsyncIterator[int]:
    """A scanner that answers anything with these octets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(100)
            if hangs:
                await asyncio.Event().wait()
            writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def http(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def ask(kind: str, answer: bytes, *, hangs: bool = False) -> Verdict:
    """Return what a scanner of this kind makes of an answer."""

    async def run() -> Verdict:
        async with server(answer, hangs=hangs) as port:
            rspamd = Rspamd(f"http://127.0.0.1:{port}", "")
            check = rspamd.check if kind == "rspamd" else Spamd("127.0.0.1", port).check
            try:
                return await Scanner(check).scan(mail())
            finally:
                await rspamd.close()

    return asyncio.run(run())


class TestAnswers:
    def test_rspamd_gives_a_score_and_its_symbols(self):
        answer = http('{"score": 4.5, "action": "reject", "symbols": {"A": {}, "B": {}}}')

        assert ask("rspamd", answer) == Verdict(4.5, ("A", "B"), is_rejected=True)

    def test_spamd_gives_a_score_and_its_symbols(self):
        answer = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: True ; 12.5 / 5.0\r\n\r\nA,B"

        assert ask("spamd", answer) == Verdict(12.5, ("A", "B"))

    @pytest.mark.parametrize(
        ("kind", "answer"),
        [
            ("rspamd", b""), ("rspamd", b"junk\r\n\r\n"), ("rspamd", http("{}")),
            ("rspamd", http("[]")), ("rspamd", http('{"score": "x", "symbols": {}}')),
            ("rspamd", http('{"score": NaN}')), ("rspamd", http('{"score": -1e999}')),
            ("rspamd", http('{"score": 1' + 400 * "0" + "}")),
            ("rspamd", http("{")), ("rspamd", http("{}", "500 Oh")),
            ("rspamd", http("x" * 300_000)), ("spamd", b""), ("spamd", b"junk"),
            ("spamd", b"SPAMD/1.1 76 Bad header\r\n\r\n"), ("spamd", b"x" * 300_000),
        ],
    )  # fmt: skip
    def test_nonsense_is_as_good_as_no_answer(self, kind, answer):
        with pytest.raises(ScannerUnavailable):
            ask(kind, answer)

    @pytest.mark.parametrize("kind", ["rspamd", "spamd"])
    def test_nobody_waits_longer_than_the_budget(self, kind, monkeypatch):
        monkeypatch.setattr(scanners, "BUDGET", 0.05)

        with pytest.raises(ScannerUnavailable):
            ask(kind, b"", hangs=True)

    def test_one_that_is_gone_is_left_alone_for_a_while(self, monkeypatch):
        calls = []

        async def refuse(mail: Mail) -> Verdict:
            calls.append(mail)
            raise ConnectionRefusedError

        async def run() -> None:
            scanner = Scanner(refuse)
            for _ in range(8):
                with pytest.raises(ScannerUnavailable):
                    await scanner.scan(mail())
            assert len(calls) == scanners.PATIENCE
            scanner._closed_until = 0.0
            with pytest.raises(ScannerUnavailable):
                await scanner.scan(mail())
            assert len(calls) == scanners.PATIENCE + 1

        asyncio.run(run())
