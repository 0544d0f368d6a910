"""The real scanners at the other end, and ports at which nobody answers."""

import asyncio
import socket

import pytest

from cloudmta.testing import free_ports
from messages.spam import scanners
from messages.spam.scanners import Mail, Rspamd, Scanner, ScannerUnavailable, Spamd
from messages.spam.verdict import Verdict
from messages.tests.scanner_driver import MAGIC, real_rspamd, real_spamd
from messages.tests.test_spam import GTUBE, HEAD, ORDINARY

pytestmark = pytest.mark.xdist_group("scanners")

REAL = {"rspamd": real_rspamd, "spamd": real_spamd}


@pytest.fixture(scope="module", params=list(REAL))
def running(request, tmp_path_factory):
    """Which scanner runs, and its port."""
    (port,) = free_ports(1)
    with REAL[request.param](tmp_path_factory.mktemp(request.param), port):
        yield request.param, port


def ask(kind: str, port: int, *contents: bytes) -> list[Verdict]:
    """Return what a scanner says of some contents, all asked at the same moment."""

    async def run() -> list[Verdict]:
        rspamd = Rspamd(f"http://127.0.0.1:{port}", "")
        scanner = Scanner(rspamd.check if kind == "rspamd" else Spamd("127.0.0.1", port).check)
        mails = [Mail(one, "a@alices.example", ("b@b.test",), "alice", "id") for one in contents]
        try:
            return await asyncio.gather(*map(scanner.scan, mails))
        finally:
            await rspamd.close()

    return asyncio.run(run())


class TestReal:
    def test_an_order_passes(self, running):
        (verdict,) = ask(*running, ORDINARY)

        assert not verdict.is_rejected
        assert verdict.score < 5

    def test_its_rules_count(self, running):
        (verdict,) = ask(*running, HEAD + b"\r\n" + MAGIC.encode() + b"\r\n")

        assert verdict.score > 15
        assert "MAGIC" in verdict.rules

    def test_it_knows_the_string_that_all_know(self, running):
        (verdict,) = ask(*running, HEAD + b"\r\n" + GTUBE + b"\r\n")

        assert verdict.is_rejected or verdict.score > 900

    def test_many_are_asked_side_by_side(self, running):
        verdicts = ask(*running, *[ORDINARY, HEAD + b"\r\n" + MAGIC.encode() + b"\r\n"] * 10)

        assert ["MAGIC" in one.rules for one in verdicts] == [False, True] * 10


@pytest.mark.parametrize("kind", list(REAL))
class TestNobodyThere:
    def test_a_dead_port_is_no_answer(self, kind):
        (port,) = free_ports(1)

        with pytest.raises(ScannerUnavailable):
            ask(kind, port, ORDINARY)

    def test_a_port_that_hangs_is_no_answer(self, kind, monkeypatch):
        monkeypatch.setattr(scanners, "BUDGET", 0.1)
        with socket.create_server(("127.0.0.1", 0)) as hanging, pytest.raises(ScannerUnavailable):
            ask(kind, hanging.getsockname()[1], ORDINARY)
